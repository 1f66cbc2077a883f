"""An API key is refused from outside of its networks, before anything is executed."""

import asyncio
import gc
from ipaddress import IPv6Network

import pytest

from permissions.client_networks import admits
from tests.support.changes import UPDATE_API_KEY, codes, nothing_changes, user_error
from tests.support.graphql_ws import connected
from tests.support.keys import generate
from tests.support.stored_keys import with_key
from tests.support.world import INVITE, Person, World

WHO = "{ viewer { user { email } } }"
ELSEWHERE = {"allowed_networks": "ARRAY['203.0.113.0/24', '2001:db8::/32']"}
INVALID = {
    "10.0.0.0/33": "is no network: write it like 203.0.113.0/24 or 2001:db8::/32.",
    "": "is no network",
    "example.com": "is no network",
    "fe80::1%eth0/128": "is no network",
    "10.0.0.0/8,127.0.0.0/8": "is no network",
    "0.0.0.0/0": "admits every address",
    "::/0": "admits every address",
    "::ffff:0:0/96": "admits every address",
    "::ffff:0.0.0.0/96": "admits every address",
    "10.0.0.1/8": "is an address within a network: write 10.0.0.0/8 for the network.",
}


async def test_elsewhere_a_key_is_refused_before_anything_is_executed(world: World) -> None:
    script = await with_key(world, world.admin, "READ", "TEAM", **ELSEWHERE)
    before = await world.rows()

    input = {"accountId": world.account_id, "email": "x@example.com", "role": "VIEWER"}
    for query, variables in ((WHO, {}), (INVITE, {"input": input})):
        response = await world.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {script.token}"},
        )
        assert response.status_code == 403
        assert response.json().keys() == {"errors"}
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN"}
        assert error["message"] == ("This API key is not accepted from 127.0.0.1: use it from its networks.")

    assert await world.rows() == before


async def test_refusals_of_a_key_elsewhere_are_recorded_once_a_minute(world: World) -> None:
    script = await with_key(world, world.admin, "READ", **ELSEWHERE)
    other = await with_key(world, world.member, "READ", **ELSEWHERE)

    for _ in range(3):
        await script.post(WHO)
    await other.post(WHO)

    denied = await world.events(outcome="DENIED")
    assert [(event["action"], event["targetId"]) for event in denied] == [
        ("API_CALLED", other.member_id),
        ("API_CALLED", script.member_id),
    ]


async def test_within_its_networks_a_key_works(world: World) -> None:
    payload = await generate(world, allowedNetworks=["127.0.0.0/8", "203.0.113.7", "::ffff:10.0.0.0/104"])
    node = "query ($id: ID!) { node(id: $id) { ... on ApiKey { allowedNetworks } } }"

    told = await Person(world.http, token=payload["secret"]).ask(node, id=payload["apiKey"]["id"])

    assert told["node"]["allowedNetworks"] == ["127.0.0.0/8", "203.0.113.7/32", "10.0.0.0/8"]


WIDER = [
    [],
    ["203.0.113.0/24", "192.0.2.1"],
    ["203.0.112.0/23"],
    ["2001:db8::/31"],
    ["203.0.113.128/25", "::ffff:192.0.2.0/120"],
]
NARROWER = [
    ["203.0.113.0/24", "2001:db8::/32"],
    ["203.0.113.7", "203.0.113.128/25"],
    ["::ffff:203.0.113.9"],
    ["2001:db8:1::/48"],
    ["198.51.100.0/24"],
]


@pytest.mark.parametrize("networks", WIDER, ids=str)
async def test_a_member_does_not_widen_the_networks_of_its_key(world: World, networks: list[str]) -> None:
    script = await with_key(world, world.member, "READ", **ELSEWHERE)

    async with nothing_changes(world):
        payload = await world.member.change(
            UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=networks, name="Wider"
        )

    assert user_error(payload) == ("INVALID", ["allowedNetworks"])
    assert "203.0.113.0/24, 2001:db8::/32" in payload["userErrors"][0]["message"]


@pytest.mark.parametrize("networks", NARROWER, ids=str)
async def test_a_member_narrows_the_networks_of_its_key(world: World, networks: list[str]) -> None:
    """Two networks beside each other admit what one of both does."""
    current = "ARRAY['203.0.113.0/24', '2001:db8::/32', '198.51.100.0/25', '198.51.100.128/25']"
    script = await with_key(world, world.member, "READ", allowed_networks=current)

    payload = await world.member.change(UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=networks)

    assert payload["userErrors"] == []


async def test_a_member_limits_its_key_that_is_accepted_from_anywhere(world: World) -> None:
    script = await with_key(world, world.member, "READ")

    for networks, expected in (["10.0.0.0/8"], []), (["10.0.0.0/9"], []), (["10.0.0.0/8"], ["INVALID"]):
        payload = await world.member.change(
            UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=networks
        )
        assert codes(payload) == expected


async def test_an_admin_widens_the_networks_of_its_own_key(world: World) -> None:
    script = await with_key(world, world.admin, "READ", **ELSEWHERE)

    payload = await world.admin.change(UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=[])

    assert payload["apiKey"]["allowedNetworks"] == []


async def test_an_admin_changes_networks_freely_and_with_the_next_request(world: World) -> None:
    script = await with_key(world, world.member, "READ")

    for networks, refused in ((["10.0.0.0/8"], True), (["127.0.0.1"], False), ([], False)):
        payload = await world.admin.change(
            UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=networks
        )
        assert payload["userErrors"] == []
        assert ("errors" in await script.post(WHO)) is refused


async def test_an_open_socket_is_closed_where_its_key_is_no_longer_accepted(world: World) -> None:
    script = await with_key(world, world.admin, "READ")
    async with connected(world.settings.public_url, script.token) as socket:
        subscription = f'subscription {{ auditLogAppended(accountId: "{world.account_id}") {{ id }} }}'
        await socket.subscribe(subscription)

        await world.admin.change(
            UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=["203.0.113.0/24"]
        )

        async with asyncio.timeout(10):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 4403


@pytest.mark.parametrize("network", INVALID)
async def test_what_is_no_network_changes_nothing(world: World, network: str) -> None:
    script = await with_key(world, world.member, "READ")

    async with nothing_changes(world):
        made = await generate(world, allowedNetworks=["10.0.0.0/8", network])
        changed = await world.admin.change(
            UPDATE_API_KEY, apiKeyId=script.member_id, allowedNetworks=[network]
        )

    for payload in (made, changed):
        assert user_error(payload) == ("INVALID", ["allowedNetworks"])
        assert INVALID[network] in payload["userErrors"][0]["message"]


async def test_a_key_has_at_most_100_networks(world: World) -> None:
    networks = [f"10.0.{number}.0/24" for number in range(101)]

    async with nothing_changes(world):
        refused = await generate(world, allowedNetworks=networks)
    payload = await generate(world, allowedNetworks=networks[:100])

    assert user_error(refused)[0] == "INVALID"
    assert payload["userErrors"] == []


def test_few_networks_are_kept_in_memory() -> None:
    """However many networks the keys have that are used."""
    for key in range(1_000):
        admits(",".join(f"2001:db8:{key:x}:{number:x}::/64" for number in range(100)), "2001:db8::1")

    kept = [each for each in gc.get_objects() if type(each) is IPv6Network]

    assert 1_000 < len(kept) < 20_000


@pytest.mark.parametrize(
    ("networks", "ip", "admitted"),
    [
        ("", None, True),
        ("10.0.0.0/8", None, False),
        ("10.0.0.0/8", "unix", False),
        ("10.0.0.0/8", "10.255.255.255", True),
        ("10.0.0.0/8", "11.0.0.0", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("10.0.0.0/8", "2001:db8::1", False),
        ("2001:db8::/32,192.0.2.1/32", "192.0.2.1", True),
        ("2001:db8::/32,192.0.2.1/32", "2001:db8:ffff::", True),
        ("2001:db8::/32,192.0.2.1/32", "2001:db9::", False),
    ],
)
def test_which_addresses_a_network_admits(networks: str, ip: str | None, admitted: bool) -> None:
    assert admits(networks, ip) is admitted
