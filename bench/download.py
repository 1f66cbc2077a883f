"""`python -m bench.download`: a file of 100 MB out of local storage, through the server and through nginx, in
turns, each time by a curl of its own."""

import asyncio
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from bench.data import THEME_IDS, WRITERS, Writer
from bench.database import Database, database
from bench.servers import BenchError, free_port, running, stop, wait_until_listening

FILE_BYTES = 100_000_000
TURNS = 15
WANTED = 0.5
_WRITER = WRITERS[3]
_NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{ access_log off; sendfile on; tcp_nopush on; {temporary}
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_PROVISION = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
  license { id } userErrors { message } } }"""
_REQUEST = """mutation ($input: RequestThemeDownloadInput!) { requestThemeDownload(input: $input) {
  download { url } userErrors { message } } }"""


def main() -> int:
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if nginx is None or shutil.which("curl") is None:
        print("nginx serves the same file, and curl takes it: install both.")  # noqa: T201
        return 2
    try:
        with database() as filled, running("ours", filled) as server:
            name = _store(filled.folder / "ours" / "files")
            ours = _link(filled, server.port, name)
            with _nginx(nginx, filled.folder, filled.folder / "ours" / "files") as port:
                speeds = _measure({"ours": ours, "nginx": f"http://127.0.0.1:{port}/{name[:2]}/{name}"})
    except BenchError as error:
        print(error)  # noqa: T201
        return 1
    median = {each: statistics.median(found) for each, found in speeds.items()}
    for each, found in speeds.items():
        print(f"{each:6} {median[each]:7,.0f} MB/s  ({min(found):,.0f} to {max(found):,.0f})")  # noqa: T201
    ratio = median["ours"] / median["nginx"]
    print(f"ratio  {ratio:7.2f}  (wanted: {WANTED} or more)")  # noqa: T201
    return 0 if ratio >= WANTED else 1


def _measure(urls: dict[str, str]) -> dict[str, list[float]]:
    """MB per second, by name. The first round warms up."""
    speeds: dict[str, list[float]] = {name: [] for name in urls}
    for turn in range(TURNS + 1):
        for name, url in urls.items():
            speed = _speed(url)
            if turn:
                speeds[name].append(speed)
    return speeds


def _speed(url: str) -> float:
    command = ["curl", "--silent", "--fail", "--output", "/dev/null", "--write-out"]
    done = subprocess.run(  # noqa: S603
        [*command, "%{size_download} %{speed_download}", url], capture_output=True, text=True, timeout=30
    )
    size, _, speed = done.stdout.partition(" ")
    if done.returncode != 0 or int(size) != FILE_BYTES:
        raise BenchError(f"curl did not get the file: {done.returncode}, {done.stdout} {done.stderr}")
    return float(speed) / 1e6


def _store(files: Path) -> str:
    """Stores the file under its SHA-256, as the app's storage does."""
    content = os.urandom(FILE_BYTES)
    name = hashlib.sha256(content).hexdigest()
    path = files / name[:2] / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return name


def _link(filled: Database, port: int, sha256: str) -> str:
    """Download link of a member who has provisioned a license of the file's theme."""
    file_id = asyncio.run(_list_file(filled.url, sha256))
    license_id = _ask(
        port, _PROVISION, accountId=_WRITER.account_id, themeId=THEME_IDS[0], site="download.example.com"
    )["license"]["id"]
    download = _ask(port, _REQUEST, licenseId=license_id, fileId=f"file_{file_id}")["download"]
    return str(download["url"])


async def _list_file(url: str, sha256: str) -> str:
    connection = await asyncpg.connect(url)
    release, file = uuid4(), uuid4()
    try:
        await connection.execute(
            "INSERT INTO theme_releases (id, theme_id, version, released_at) VALUES ($1, $2, '9.9.9', now())",
            release,
            THEME_IDS[0].removeprefix("theme_"),
        )
        await connection.execute(
            "INSERT INTO theme_files (id, release_id, name, size, sha256, media_type)"
            " VALUES ($1, $2, 'large.zip', $3, $4, 'application/zip')",
            *(file, release, FILE_BYTES, sha256),
        )
    finally:
        await connection.close()
    return file.hex


def _ask(port: int, mutation: str, by: Writer = _WRITER, **input: Any) -> Any:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/graphql",
        json={"query": mutation, "variables": {"input": input}},
        headers={"Authorization": f"Bearer {by.token}"},
        timeout=30,
    ).json()
    payload: dict[str, Any] = next(iter((answer.get("data") or {None: None}).values()))
    if not payload or payload["userErrors"]:
        raise BenchError(f"The server refuses: {answer}")
    return payload


@contextmanager
def _nginx(program: str, folder: Path, root: Path) -> Iterator[int]:
    """Port of an nginx that serves the folder."""
    port = free_port()
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
    configuration = folder / "nginx.conf"
    text = _NGINX.format(folder=folder, temporary=temporary, port=port, root=root)
    # As root it would serve as nobody, who cannot read the folder.
    configuration.write_text(("user root;\n" if os.getuid() == 0 else "") + text)
    log = folder / "nginx.log"
    process = subprocess.Popen([program, "-c", str(configuration), "-e", str(log)])  # noqa: S603
    try:
        wait_until_listening("nginx", process, port, log)
        yield port
    finally:
        stop(process)


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"in {time.monotonic() - started:.0f} s")  # noqa: T201
    sys.exit(code)
