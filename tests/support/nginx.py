"""nginx in front of the servers, with the configuration in `deploy/nginx.conf`."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.forked_commands import ROOT
from tests.support.serving import free_port, listening

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
HOST = "themes.example.com"
TLS_FILES = "/etc/team-access/tls"
_ACCESS_LOG = "/var/log/nginx/team-access.log"
_MAIN = """daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{ access_log off; {paths} {configuration} }}"""
_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@asynccontextmanager
async def proxied(folder: Path, servers: Sequence[str]) -> AsyncIterator[str]:
    """URL of nginx in front of the servers, which are pairs of host and port. Without TLS."""
    port = free_port()
    configuration = (ROOT / "deploy" / "nginx.conf").read_text()
    # The server that redirects to https, and the certificate.
    configuration, replaced = re.subn(
        r"server \{\n    listen 80;.*?\n\}\n", "", configuration, flags=re.DOTALL
    )
    assert replaced == 1
    configuration = re.sub(r" +ssl_[^\n]+\n", "", configuration)
    configuration = configuration.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    configuration = configuration.replace("proxy_set_header Host $host;", "proxy_set_header Host $http_host;")
    async with _running(folder, configuration, servers, port):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def deployed(folder: Path, servers: Sequence[str]) -> AsyncIterator[tuple[int, int]]:
    """Ports of nginx for http and https, for the host name of the configuration. The folder has the
    certificate and its key already."""
    http, https = free_port(), free_port()
    places = {
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
        f"{TLS_FILES}/certificate.pem;": f"{folder}/certificate.pem;",
        f"{TLS_FILES}/key.pem;": f"{folder}/key.pem;",
    }
    configuration = _replaced((ROOT / "deploy" / "nginx.conf").read_text(), places)
    async with _running(folder, configuration, servers, https):
        yield http, https


def _replaced(text: str, places: Mapping[str, str]) -> str:
    for old, new in places.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def _running(
    folder: Path, configuration: str, servers: Sequence[str], port: int
) -> AsyncIterator[None]:
    assert NGINX is not None
    (folder / "team-access-servers.conf").write_text(
        "".join(f"server {server} max_fails=0;\n" for server in servers)
    )
    configuration = configuration.replace(_ACCESS_LOG, str(folder / "access.log"))
    paths = " ".join(f"{each}_temp_path {folder}/{each};" for each in _PATHS)
    file = folder / "nginx.conf"
    file.write_text(_MAIN.format(folder=folder, paths=paths, configuration=configuration))
    process = await asyncio.create_subprocess_exec(
        NGINX, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(file)
    )
    try:
        await listening(port)
        yield
    finally:
        process.terminate()
        await process.wait()
