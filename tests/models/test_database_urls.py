"""Connections for reads and changes from one parsed URL: TLS, several hosts, targets, names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from embedded import server as embedded
from engine.fair_share import Claim
from engine.outages import outage_of
from models.database import Database
from postgresql_dsn import SSL_MODES
from tests.processes.test_start import rows
from tests.sessions.test_link_hostility import elsewhere
from tests.support.commands import Command, folder
from tests.support.postgresql_tls import Authority, over_tcp, silent
from tests.support.serving import free_port
from tests.support.world import INVITE, World

__all__ = ["folder", "rows"]

PLAIN = {mode: mode in ("disable", "allow", "prefer") for mode in SSL_MODES}
TLS = dict.fromkeys(SSL_MODES, True)
TLS_ONLY = {**TLS, "disable": False}


def tcp(url: str, *ports: int, host: str = "localhost", **parameters: object) -> str:
    parts = urlsplit(url)
    hosts = ",".join(f"{host}:{port}" for port in ports)
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"postgresql://{parts.username}@{hosts}{parts.path}?{query}"


@asynccontextmanager
async def opened(url: str, size: int = 2) -> AsyncIterator[Database]:
    database = Database(url, size)
    try:
        yield database
    finally:
        await database.close()


async def works(url: str) -> bool:
    """Whether all ways connect; all do, or none does."""
    outcomes = []
    async with opened(url) as database:
        for way in (_reads, _writes, _connects, _exports):
            try:
                outcomes.append(await way(database))
            except Exception as error:
                if outage_of(error) is None:
                    raise
                outcomes.append(False)
    assert len(set(outcomes)) == 1, outcomes
    return outcomes[0]


async def _reads(database: Database) -> bool:
    ((mode,),) = await database.fetch("SHOW transaction_read_only")
    return str(mode) == "on"


async def _writes(database: Database) -> bool:
    async with database.transaction() as transaction:
        return str(await transaction.fetchval("SHOW transaction_read_only")) == "off"


async def _connects(database: Database) -> bool:
    connection = await database.connect()
    await connection.close()
    return True


async def _exports(database: Database) -> bool:
    async with database.exports.connection(Claim(uuid4())) as connection:
        return str(await connection.fetchval("SHOW transaction_read_only")) == "on"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("mode", PLAIN)
async def test_a_server_without_tls(database_url: str, mode: str, authority: Authority) -> None:
    async with over_tcp(database_url) as port:
        assert await works(tcp(database_url, port, sslmode=mode, sslrootcert=authority.root)) is PLAIN[mode]


@pytest.mark.parametrize("mode", TLS)
async def test_a_server_with_tls(database_url: str, mode: str, authority: Authority) -> None:
    async with over_tcp(database_url, authority.context) as port:
        assert await works(tcp(database_url, port, sslmode=mode, sslrootcert=authority.root))


@pytest.mark.parametrize("mode", TLS_ONLY)
async def test_a_server_that_demands_tls(database_url: str, mode: str, authority: Authority) -> None:
    async with over_tcp(database_url, authority.context, tls_only=True) as port:
        url = tcp(database_url, port, sslmode=mode, sslrootcert=authority.root)
        assert await works(url) is TLS_ONLY[mode]


@pytest.mark.parametrize(
    ("mode", "works_by"),
    [("require", "root"), ("verify-ca", "root"), ("verify-full", "root and name")],
)
async def test_certificates_are_checked_as_the_mode_says(
    database_url: str, mode: str, works_by: str, authority: Authority, tmp_path: Path
) -> None:
    """`require` with an authority checks as `verify-ca` does."""
    other = Authority(tmp_path)
    async with over_tcp(database_url, authority.context) as port:
        right = tcp(database_url, port, sslmode=mode, sslrootcert=authority.root)
        other_name = tcp(database_url, port, host="127.0.0.1", sslmode=mode, sslrootcert=authority.root)
        other_root = tcp(database_url, port, sslmode=mode, sslrootcert=other.root)

        assert await works(right)
        assert await works(other_name) is (works_by == "root")
        assert not await works(other_root)


async def test_the_system_s_authorities_know_no_test_s(database_url: str, authority: Authority) -> None:
    async with over_tcp(database_url, authority.context) as port:
        assert not await works(tcp(database_url, port, sslrootcert="system"))


async def test_the_next_host_is_tried(database_url: str) -> None:
    async with over_tcp(database_url) as port, silent() as hanging:
        assert await works(tcp(database_url, free_port(), port))
        assert await works(tcp(database_url, hanging, port, connect_timeout=1))
        assert await works(tcp(database_url, port, free_port(), load_balance_hosts="random"))
        assert not await works(tcp(database_url, free_port(), free_port()))


async def test_a_url_without_a_host_leads_to_the_one_of_the_environment(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, _, host = database_url.partition("?host=")
    monkeypatch.setenv("PGHOST", host.replace("%2F", "/"))

    assert await works(start)


async def test_pairs_of_names_and_values_lead_to_the_same_server(database_url: str) -> None:
    parts = urlsplit(database_url)
    async with over_tcp(database_url) as port:
        assert await works(
            f"host='localhost,localhost' port={free_port()},{port} user={parts.username}"
            f" dbname={parts.path[1:]} sslmode=prefer target_session_attrs=read-write"
        )


@pytest.mark.parametrize("target", ["any", "primary", "read-write"])
async def test_a_target_that_can_be_written_to_serves_reading_too(database_url: str, target: str) -> None:
    async with over_tcp(database_url) as port:
        assert await works(tcp(database_url, free_port(), port, target_session_attrs=target))
    assert await works(f"{database_url}&target_session_attrs={target}")


async def test_a_target_that_cannot_be_written_to_is_passed_over(
    empty_database: str, superuser: asyncpg.Connection
) -> None:
    """Changes find no server there; what only reads does."""
    name = urlsplit(empty_database).path.removeprefix("/")
    await superuser.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    async with opened(f"{empty_database}&target_session_attrs=read-write") as database:
        assert await _reads(database)
        with pytest.raises(Exception, match="None of the hosts match") as failure:
            await _writes(database)

    assert isinstance(outage_of(failure.value), asyncpg.TargetServerAttributeNotMatched)


async def test_names_passwords_and_options_arrive_as_they_are(
    database_url: str, superuser: asyncpg.Connection
) -> None:
    await superuser.execute(f'CREATE ROLE "a@b:/c d%" LOGIN IN ROLE {embedded.APP_ROLE}')
    try:
        path = database_url.partition("@")[2]
        parameters = "application_name=my%20app&options=-c%20work_mem%3D3MB&connect_timeout=5&sslmode=prefer"
        url = f"postgresql://a%40b%3A%2Fc%20d%25:p%40%2F@{path}&{parameters}"
        query = "SELECT current_user, current_setting('application_name'), current_setting('work_mem')"
        async with opened(url) as database:
            (reading,) = await database.fetch(query)
            async with database.transaction() as transaction:
                writing = await transaction.fetchrow(query)
    finally:
        await superuser.execute('DROP ROLE "a@b:/c d%"')

    assert tuple(reading) == tuple(writing or ()) == ("a@b:/c d%", "my app", "3MB")


@pytest_asyncio.fixture
async def served(world: World, database_url: str) -> AsyncIterator[World]:
    """With a URL that names what both ways need."""
    parameters = "sslmode=prefer&target_session_attrs=read-write&connect_timeout=5&application_name=team"
    url = SecretStr(f"{database_url}&{parameters}")
    async with elsewhere(world, port=free_port(), database_url=url) as there:
        there.people["ADMIN"].http = there.http
        yield there


async def test_changes_and_reads_are_served_and_the_server_is_healthy(served: World) -> None:
    payload = await served.admin.change(
        INVITE, accountId=served.account_id, email="x@example.com", role="VIEWER"
    )

    assert payload["userErrors"] == []
    assert (await served.admin.ask("{ account { invitations { totalCount } } }"))["account"]
    assert (await served.http.get("/health")).status_code == 200


def as_pairs(url: str) -> str:
    parts = urlsplit(url)
    host = unquote(parts.query.removeprefix("host="))
    return f"host={host} user={parts.username} dbname={parts.path[1:]}"


@pytest.mark.parametrize("form", ["url", "pairs"])
def test_commands_and_migrations_take_such_a_url(folder: Path, empty_database: str, form: str) -> None:
    owner, between = (as_pairs(empty_database), " ") if form == "pairs" else (empty_database, "&")
    app = owner.replace(embedded.OWNER_ROLE, embedded.APP_ROLE, 1)
    urls = {
        "DATABASE_URL": between.join((app, "sslmode=prefer", "target_session_attrs=read-write")),
        "MIGRATION_DATABASE_URL": between.join((owner, "sslmode=disable", "connect_timeout=5")),
    }

    migrated = Command(folder, "migrate", **urls).outcome()
    created = Command(folder, "account", "create", "Acme", "ada@example.com", **urls).outcome()

    assert (migrated[0], migrated[2], created[0], created[2]) == (0, "", 0, "")


@pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATION_DATABASE_URL"])
@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_what_is_not_understood_stops_the_start(folder: Path, name: str, command: str) -> None:
    url = "postgresql://ada:s3cret@db.example/team?sslmode=on"

    code, out, err = Command(folder, command, **{name: url}).outcome()

    assert (code, out) == (2, "")
    assert err == (
        f"{name}: must have one of these as its sslmode: disable, allow, prefer, require, verify-ca,"
        " verify-full\n"
    )
