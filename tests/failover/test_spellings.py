"""Spellings of a primary and its standby: each leads to the primary, before and after a promotion."""

from urllib.parse import quote

import pytest

from embedded.server import APP_ROLE
from models.postgresql import connect
from postgresql_dsn import parse
from tests.models.test_database_urls import works
from tests.support.replicated_postgresql import DATABASE, ReplicatedPostgresql


def spellings(pair: ReplicatedPostgresql, *order: int) -> dict[str, str]:
    """By names of what is special about them."""
    nodes = [pair.nodes[index] for index in order]
    hosts, ports = ",".join(node.address for node in nodes), ",".join(str(node.port) for node in nodes)
    both = ",".join(f"{node.address}:{node.port}" for node in nodes)
    sockets = ",".join(str(node.folder) for node in nodes)
    start, name = f"postgresql://{APP_ROLE}@", f"user={APP_ROLE} dbname={DATABASE}"
    return {
        "hosts in the authority": f"{start}{both}/{DATABASE}",
        "postgres": f"postgres://{APP_ROLE}@{both}/{DATABASE}?target_session_attrs=primary",
        "read-write": f"{start}{both}/{DATABASE}?target_session_attrs=read-write",
        "lists in the query": f"{start}/{DATABASE}?host={hosts}&port={ports}",
        "lists with primary": f"{start}/{DATABASE}?host={hosts}&port={ports}&target_session_attrs=primary",
        "port in the query": f"{start}{hosts}/{DATABASE}?port={ports}&target_session_attrs=read-write",
        "percent-encoded": f"{start}/{DATABASE}?host={quote(hosts, safe='')}&port={quote(ports, safe='')}",
        "sockets": f"{start}/{DATABASE}?host={quote(sockets, safe='')}&port={ports}",
        "pairs": f"host={hosts} port={ports} {name}",
        "quoted pairs": f"host='{hosts}' port = '{ports}' {name} target_session_attrs=read-write",
        "addresses": f"host=one,two hostaddr={hosts} port={ports} {name}",
        "addresses alone": f"{start}/{DATABASE}?hostaddr={hosts}&port={ports}",
        "random order": f"{start}{both}/{DATABASE}?load_balance_hosts=random",
        "all parameters": (
            f"{start}{both}/{DATABASE}?target_session_attrs=read-write&connect_timeout=3&keepalives=1"
            "&keepalives_idle=5&keepalives_interval=2&keepalives_count=2&tcp_user_timeout=6000"
        ),
    }


async def assert_each_leads_to_the_primary(pair: ReplicatedPostgresql) -> None:
    for order in ((0, 1), (1, 0)):
        for special, url in spellings(pair, *order).items():
            assert await works(url), (special, order)


async def test_each_spelling_leads_to_the_primary(
    pair: ReplicatedPostgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assert_each_leads_to_the_primary(pair)

    pair.primary.kill()
    await pair.promote()
    await assert_each_leads_to_the_primary(pair)

    await pair.attach_standby()
    await assert_each_leads_to_the_primary(pair)
    for name, attribute in (("PGHOST", "address"), ("PGPORT", "port")):
        monkeypatch.setenv(name, ",".join(str(getattr(node, attribute)) for node in pair.nodes))
    assert await works(f"postgresql://{APP_ROLE}@/{DATABASE}")
    assert await works(f"user={APP_ROLE} dbname={DATABASE}")


async def test_a_host_that_could_not_be_reached_is_tried_last(pair: ReplicatedPostgresql) -> None:
    dsn = parse(f"{pair.url()}?load_balance_hosts=disable")

    first = await connect(dsn)
    pair.nodes[0].kill()
    if pair.primary is pair.nodes[0]:
        await pair.promote()
    second = await connect(dsn)
    await pair.attach_standby()
    third = await connect(dsn)
    for connection in (first, second, third):
        connection.terminate()

    assert second.address == third.address == (pair.nodes[1].address, pair.nodes[1].port)
