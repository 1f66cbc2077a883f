"""Fields that are refused to the viewer are completed by graphql-core, in slices of the event loop."""

import gc
from collections.abc import Iterator

import pytest

from engine.paced_execution import MOST_REFUSED_FIELDS
from tests.support.graphql_ws import connected
from tests.support.loop_time import measured_loop
from tests.support.world import World
from tests.web import test_event_loop


@pytest.fixture(autouse=True)
def no_collections() -> Iterator[None]:
    """What the collector takes grows with all that the tests keep, and not with the answer."""
    gc.disable()
    yield
    gc.enable()


ROWS = 100
REFUSED = {"code": "FORBIDDEN", "permission": "REVOKE_LICENSES"}
VALUES = "id site status provisionedAt expiresAt revokedAt lastDownloadedAt theme { id name slug }"


@pytest.fixture
async def licensed(world: World, themes: dict[str, str]) -> World:
    """With a hundred licenses of the owner's, whose keys nobody but an Admin may see."""
    await world.superuser.execute(
        """INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,
             provisioned_at)
           SELECT m.account_id, gen_random_uuid(), (SELECT id FROM themes WHERE slug = 'basalt'), 'ACTIVE',
             's' || n || '.example.com', m.id || '-' || n, m.id, m.id, now()
           FROM members m, generate_series(1, $1) n WHERE m.is_owner""",
        ROWS,
    )
    return world


def keys(count: int) -> str:
    return " ".join(f"key{index}: key" for index in range(count))


def selections(count: int, selection: str) -> str:
    return " ".join(f"a{index}: {selection}" for index in range(count))


def account(rows: int, fields: str) -> str:
    return f"account {of_account(rows, fields)}"


def of_account(rows: int, fields: str) -> str:
    return f"{{ id name licenses(first: {rows}) {{ nodes {{ {fields} }} }} }}"


FRAGMENT = f" fragment Values on Account {of_account(ROWS, VALUES)}"
MANY = selections(28, "account { ...Values }")
DOCUMENTS = {
    "refused fields": f"{{ {account(ROWS, keys(10))} }}",
    "values beside a refused field": f"{{ refused: {account(1, 'key')} {MANY} }}" + FRAGMENT,
}
TOO_MANY = f"{{ {account(ROWS, keys(30))} }}"


@pytest.mark.measures
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_an_answer_is_completed_in_slices(licensed: World, each_executor: None, kind: str) -> None:
    await licensed.viewer.post(DOCUMENTS[kind])

    with measured_loop() as times:
        answer = await licensed.viewer.post(DOCUMENTS[kind])

    assert answer["errors"][0]["extensions"] == REFUSED
    times.assert_longest_below(test_event_loop.MOST_SECONDS / 2)


async def test_each_refused_field_is_null_and_has_its_error(licensed: World, each_executor: None) -> None:
    answer = await licensed.viewer.post(DOCUMENTS["refused fields"])

    account = answer["data"]["account"]
    assert account["name"] == "Acme"
    assert account["licenses"]["nodes"] == [{f"key{index}": None for index in range(10)}] * ROWS
    assert [error["extensions"] for error in answer["errors"]] == [REFUSED] * 100
    paths = {tuple(error["path"]) for error in answer["errors"]}
    assert len(paths) == 100
    assert {path[:3] for path in paths} == {("account", "licenses", "nodes")}


async def test_slices_change_no_value(licensed: World, each_executor: None) -> None:
    answer = await licensed.viewer.post(DOCUMENTS["values beside a refused field"])
    alone = await licensed.viewer.ask("{ account { ...Values } }" + FRAGMENT)

    accounts = answer["data"]
    assert accounts.pop("refused")["licenses"] == {"nodes": [{"key": None}]}
    assert len(alone["account"]["licenses"]["nodes"]) == ROWS
    assert accounts == {f"a{index}": alone["account"] for index in range(28)}
    assert [error["path"] for error in answer["errors"]] == [["refused", "licenses", "nodes", 0, "key"]]


@pytest.mark.measures
async def test_a_query_of_too_many_refused_fields_ends(licensed: World, each_executor: None) -> None:
    await licensed.viewer.post(TOO_MANY)

    with measured_loop() as times:
        answer = await licensed.viewer.post(TOO_MANY)

    (error,) = answer["errors"]
    limit = {"limit": "refusals", "actual": MOST_REFUSED_FIELDS + 1, "allowed": MOST_REFUSED_FIELDS}
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", **limit}
    assert "data" not in answer
    times.assert_longest_below(test_event_loop.MOST_SECONDS / 2)


@pytest.mark.measures
async def test_a_mutation_whose_result_has_too_many_refused_fields_ends(
    licensed: World, each_executor: None
) -> None:
    token = await licensed.token_for(licensed.viewer.email)
    mutation = f"""mutation ($input: AcceptInvitationInput!) {{ acceptInvitation(input: $input) {{
      member {{ {account(ROWS, keys(30))} }} }} }}"""
    await licensed.viewer.post(mutation, input={"token": token})

    with measured_loop() as times:
        answer = await licensed.viewer.post(mutation, input={"token": token})

    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("QUERY_TOO_COMPLEX", "refusals")
    assert "have been made" in error["message"]
    assert "data" not in answer
    times.assert_longest_below(test_event_loop.MOST_SECONDS / 2)


async def test_a_subscription_whose_event_has_too_many_refused_fields_ends(licensed: World) -> None:
    subscription = f"""subscription ($id: ID!) {{ viewerMemberChanged(accountId: $id) {{
      {account(ROWS, keys(30))} }} }}"""
    async with connected(str(licensed.http.base_url), licensed.viewer.token) as socket:
        events = await socket.subscribe(subscription, id=licensed.account_id)

        (error,) = await events.ended()

    assert (error["code"], error["limit"]) == ("QUERY_TOO_COMPLEX", "refusals")
