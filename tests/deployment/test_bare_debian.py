"""`deploy/install` on a Debian that has nothing: server, job worker and SMTP catcher run in it."""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.bare_debian import SOURCE, WHEELS, BareDebian, missing
from tests.support.forked_commands import ROOT
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.postgresql_tls import over_tcp
from tests.support.serving import free_port
from tests.support.world import REQUEST_SIGN_IN, SIGN_IN

WHY_NOT = missing()
EMAIL = "ada@example.com"
_OLD, _BEFORE = (f"opt/team-access/releases/2026010{day}T000000Z.abcd" for day in (1, 2))

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"no Debian of its own: {WHY_NOT}")


@pytest.fixture
def debian() -> Iterator[BareDebian]:
    with tempfile.TemporaryDirectory(prefix="team-access-debian-") as folder:
        Path(folder).chmod(0o755)
        debian = BareDebian(Path(folder))
        debian.create()
        yield debian


@pytest.fixture
def installed(debian: BareDebian) -> BareDebian:
    """Installed where two versions and a file with settings were already."""
    releases = debian.root / "opt/team-access/releases"
    for name in (_OLD, _BEFORE):
        (debian.root / name / "bin").mkdir(parents=True)
    (releases.parent / "current").symlink_to(f"/{_BEFORE}")
    _migration(debian).parent.mkdir(mode=0o750)
    _migration(debian).write_text("# as it was\nMIGRATION_DATABASE_URL=\n")
    _migration(debian).chmod(0o600)
    result = debian.install("--wheels", WHEELS)
    assert result.returncode == 0, result.stderr
    return debian


@pytest_asyncio.fixture
async def settings(debian: BareDebian, empty_database: str) -> AsyncIterator[dict[str, str]]:
    """Settings of the services: an empty database, and a port for emails."""
    async with over_tcp(empty_database) as port:
        name = urlsplit(empty_database).path
        yield {
            "DATABASE_URL": f"postgresql://team_access@127.0.0.1:{port}{name}",
            "MIGRATION_DATABASE_URL": f"postgresql://team_access_owner@127.0.0.1:{port}{name}",
            "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
            "SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
        }


async def test_what_is_installed_serves_and_sends_emails(
    installed: BareDebian, settings: dict[str, str]
) -> None:
    """One test, because each process of a test run would need a Debian of its own for others."""
    _require_the_version_before(installed)
    _require_new_keys_and_the_settings_of_before(installed)
    await _require_that_a_failure_leaves_the_current_version(installed)
    await _require_that_it_serves(installed, settings)


async def _require_that_it_serves(debian: BareDebian, settings: dict[str, str]) -> None:
    _set(debian, settings)
    server, worker = (
        debian.command_of("team-access-server@.service"),
        debian.command_of("team-access-worker.service"),
    )

    migrated = await asyncio.to_thread(debian.as_root, "/usr/local/bin/team-access", "migrate")
    created = await asyncio.to_thread(
        debian.as_root, "/usr/local/bin/team-access", "account", "create", "Acme", EMAIL
    )

    assert migrated.returncode == 0, migrated.stderr
    assert created.returncode == 0, created.stderr
    ports = {name: str(urlsplit(settings[name]).port) for name in ("PUBLIC_URL", "SMTP_URL")}
    async with AsyncExitStack() as stack:
        _, emails = await stack.enter_async_context(debian.service(_smtp_catcher(ports["SMTP_URL"])))
        serving, _ = await stack.enter_async_context(debian.service(server, PORT=ports["PUBLIC_URL"]))
        working, _ = await stack.enter_async_context(debian.service(worker))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=settings["PUBLIC_URL"], verify=NO_AUTHORITIES, timeout=20)
        )
        await _until_ready(http)
        assert {_user_of(process.pid) for process in (serving, working)} == {_user(debian)}

        await _post(http, REQUEST_SIGN_IN, email=EMAIL)
        session = await _post(http, SIGN_IN, token=await _token(emails))

        assert session["signIn"]["viewer"]["user"]["email"] == EMAIL
    assert (serving.returncode, working.returncode) == (0, 0)


def _require_the_version_before(installed: BareDebian) -> None:
    current = os.readlink(installed.root / "opt/team-access/current")
    releases = {path.name for path in (installed.root / "opt/team-access/releases").iterdir()}

    assert releases == {Path(current).name, Path(_BEFORE).name}


def _require_new_keys_and_the_settings_of_before(installed: BareDebian) -> None:
    settings = _settings(installed).read_text()
    keys = re.findall("^(?:AUDIT|LICENSE)_SIGNING_KEY=([A-Za-z0-9_-]{43})$", settings, re.MULTILINE)

    assert len({*keys}) == 2
    assert _migration(installed).read_text().startswith("# as it was")
    assert [path.stat().st_mode & 0o777 for path in (_settings(installed), _migration(installed))] == [
        0o640,
        0o600,
    ]


async def _require_that_a_failure_leaves_the_current_version(installed: BareDebian) -> None:
    current = installed.root / "opt/team-access/current"
    before = os.readlink(current), sorted(os.listdir(current.parent / "releases"))

    # A folder without the wheels.
    failed = await asyncio.to_thread(installed.install, "--wheels", f"{SOURCE}/deploy")

    assert failed.returncode != 0
    assert (os.readlink(current), sorted(os.listdir(current.parent / "releases"))) == before


def _set(debian: BareDebian, settings: dict[str, str]) -> None:
    """Fills in the files that were installed."""
    for file in (_settings(debian), _migration(debian)):
        text = file.read_text()
        for key, value in settings.items():
            text = re.sub(f"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
        file.write_text(text)
        assert "PASSWORD" not in text


def _settings(debian: BareDebian) -> Path:
    return debian.root / "etc/team-access/settings.env"


def _migration(debian: BareDebian) -> Path:
    return debian.root / "etc/team-access/migration.env"


def _smtp_catcher(port: str) -> list[str]:
    """Command of the container `smtp-catcher`, on another port."""
    stage = (ROOT / "deploy" / "Containerfile").read_text().partition("AS smtp-catcher\n")[2]
    lists = [json.loads(text) for text in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.+\])$", stage, re.MULTILINE)]
    return [part.replace("0.0.0.0:8025", f"127.0.0.1:{port}") for list in lists for part in list]


def _user(debian: BareDebian) -> int:
    passwd = (debian.root / "etc/passwd").read_text()
    (uid,) = re.findall(r"^team-access:[^:]*:([0-9]+):", passwd, re.MULTILINE)
    return int(uid)


def _user_of(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid


async def _until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(120):
        while True:
            with suppress(httpx.TransportError):
                if (await http.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def _token(emails: Path) -> str:
    async with asyncio.timeout(120):
        while not (found := re.findall(r"/sign-in/([A-Za-z0-9_-]{43})", emails.read_text())):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.1)
    return str(found[0])


async def _post(
    http: httpx.AsyncClient, query: str, **input: str
) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    response = await http.post("/graphql", json={"query": query, "variables": {"input": input}})
    answer = response.json()
    assert "errors" not in answer, answer
    return dict(answer["data"])
