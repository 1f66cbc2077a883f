"""Members are filtered by the time of their last activity, however many are inactive."""

from typing import Any

import pytest

from tests.support.world import World

MEMBERS = """query ($filter: MemberFilter, $order: MemberOrder, $first: Int, $after: String) { account {
  members(filter: $filter, orderBy: $order, first: $first, after: $after) {
    totalCount nodes { name } pageInfo { endCursor } } } }"""
SINCE = "2026-06-01T00:00:00Z"
NAMES = ["Member 011", "Member 290", "Member 295"]


async def many(world: World) -> None:
    """300 members. Of those who joined before June, three were not active in June; number 400 joined later
    and was never active; number 500 was inactive and is removed."""
    await world.superuser.execute(
        "INSERT INTO users (id, email, name, created_at)"
        " SELECT md5(n::text)::uuid, n || '@example.com', '', now() FROM unnest($1::int[]) AS n",
        [*range(300), 400, 500],
    )
    await world.superuser.execute(
        "INSERT INTO members (account_id, id, user_id, name, name_key, name_folded, email, role, is_owner,"
        " joined_at, last_active_at, removed_at)"
        " SELECT (SELECT id FROM accounts), md5(n::text)::uuid, md5(n::text)::uuid, name, name, lower(name),"
        " n || '@example.com', CASE n WHEN 290 THEN 'ADMIN' ELSE 'VIEWER' END, false,"
        " CASE n WHEN 400 THEN timestamptz '2026-07-01' ELSE timestamptz '2026-01-01' END"
        " + n * interval '1 second',"
        " CASE WHEN n IN (290, 400) THEN NULL WHEN n IN (11, 295, 500) THEN timestamptz '2026-05-31 23:59Z'"
        " ELSE timestamptz '2026-06-01Z' END, CASE n WHEN 500 THEN now() END"
        " FROM (SELECT n, 'Member ' || lpad(n::text, 3, '0') AS name FROM unnest($1::int[]) AS n) AS made",
        [*range(300), 400, 500],
    )


async def listed(world: World, order: str, **filter: Any) -> list[str]:
    """Names by pages of two."""
    names: list[str] = []
    after = None
    while True:
        variables = {"filter": {"inactiveSince": SINCE, **filter}, "order": order, "first": 2}
        page = (await world.admin.ask(MEMBERS, **variables, after=after))["account"]["members"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["nodes"] or len(names) >= page["totalCount"]:
            assert len(names) == page["totalCount"]
            return names


@pytest.mark.usefixtures("each_executor")
@pytest.mark.parametrize(
    ("order", "names"),
    [("JOINED", NAMES), ("NAME", NAMES), ("LAST_ACTIVE", ["Member 295", "Member 011", "Member 290"])],
)
async def test_inactive_members_are_listed_in_each_order(world: World, order: str, names: list[str]) -> None:
    await many(world)

    found = await listed(world, order)

    # Two were active in the same minute, and are listed in the order of their ids.
    assert (sorted(found), found[-1]) == (sorted(names), names[-1])
    if order != "LAST_ACTIVE":
        assert found == names
    assert await listed(world, order, roles=["ADMIN"]) == ["Member 290"]
    assert await listed(world, order, roles=["ADMIN", "MEMBER"]) == ["Member 290"]
    assert await listed(world, order, search="member 29") in (names[-2:], names[:1] + names[-1:])
    removed = {"includeRemoved": True}
    assert sorted(await listed(world, order, **removed)) == [*NAMES, "Member 500"]
    assert sorted(await listed(world, order, **removed, roles=["VIEWER"])) == [
        NAMES[0],
        NAMES[2],
        "Member 500",
    ]


async def test_before_everybody_joined_nobody_was_inactive(world: World) -> None:
    await many(world)

    for since, count in (("2025-12-31T23:59:59Z", 0), ("2100-01-01T00:00:00Z", 304)):
        found = await world.admin.ask(MEMBERS, filter={"inactiveSince": since})
        assert found["account"]["members"]["totalCount"] == count
