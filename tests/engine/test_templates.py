"""Statements are written once for similar requests, in a thread, for accounts in turn."""

import asyncio
import threading
from collections import Counter
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from engine.compiled_operations import COMPILED, executions
from engine.row_loader import with_id
from engine.row_reader import listed, row
from engine.sql import Template
from engine.statement_cache import Templates, templates
from models.accounts import Account
from models.audit import AuditEvent
from resolvers.audit.inputs import AuditLogFilter
from resolvers.audit.queries import account_audit_log
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import PROVISION, World

SEARCHED = """query ($search: String!) { account { members { nodes { name
  licenses(first: 2, filter: { search: $search }) { totalCount nodes { site } } } } } }"""
NUMBERED = """{ account { licenses(first: %d, orderBy: SITE, filter: { search: "shop" }) {
  nodes { site status expiresAt } pageInfo { hasNextPage } } } }"""


async def _provision(world: World, theme_id: str, *sites: str) -> None:
    for site in sites:
        input = {"accountId": world.account_id, "themeId": theme_id, "site": site}
        assert not (await world.member.change(PROVISION, **input))["userErrors"]


async def test_a_search_within_a_list(world: World, themes: dict[str, str], each_executor: None) -> None:
    await _provision(world, themes["aurora"], "shop.example.com", "blog.example.com")
    before = Counter(executions.counts)

    data = await world.admin.ask(SEARCHED, search="shop")

    found = [node["licenses"] for node in data["account"]["members"]["nodes"]]
    one = {"totalCount": 1, "nodes": [{"site": "shop.example.com"}]}
    assert sorted(found, key=str) == sorted([one, *[{"totalCount": 0, "nodes": []}] * 2], key=str)
    assert (executions.counts - before)[COMPILED] == executions.compiled


async def test_page_sizes_share_what_is_written(world: World, themes: dict[str, str]) -> None:
    sites = [f"shop-{number}.example.com" for number in range(3)]
    await _provision(world, themes["aurora"], *sites)
    await world.admin.ask(NUMBERED % 50)
    before = templates.written

    pages = [(await world.admin.ask(NUMBERED % size))["account"]["licenses"] for size in (0, 1, 2, 3)]

    assert templates.written == before
    assert [[node["site"] for node in page["nodes"]] for page in pages] == [sites[:size] for size in range(4)]
    assert [page["pageInfo"]["hasNextPage"] for page in pages] == [True, True, True, False]


async def test_branches_that_are_alike_may_come_before_another_one(world: World) -> None:
    await (await with_key(world, world.member)).ask("{ account { name } }")
    account = await row(world.database, Account, with_id(Account)(uuid_of(world.account_id)))
    assert account is not None
    filter = AuditLogFilter(target_types=["Member", "Invitation", "ApiKey"])
    listing = account_audit_log(None, account, filter)  # type: ignore[arg-type]
    assert len({branch.shape for branch in listing.branches}) > 1

    one, other = [
        await listed(world.database, AuditEvent, replace(listing, branches=branches), limit=100)
        for branches in (listing.branches, listing.branches[::-1])
    ]

    assert [event.id for event in one] == [event.id for event in other]
    assert one[0].action == "API_CALLED"


class _Author:
    """Writes templates only when it is told to."""

    def __init__(self) -> None:
        self.may_write = threading.Event()
        self.order: list[str] = []

    def write(self, key: str) -> Template:
        assert self.may_write.wait(10)
        self.order.append(key)
        return Template((key,), (), [])


async def test_accounts_take_turns() -> None:
    templates, author = Templates(), _Author()

    def get(key: str, account_id: UUID) -> asyncio.Task[Template]:
        return asyncio.create_task(templates.get(key, lambda: author.write(key), account_id))

    busy, other = uuid4(), uuid4()
    tasks = [get(f"busy {number}", busy) for number in range(4)]
    tasks += [get("other", other), get("busy 3", busy)]
    await asyncio.sleep(0)
    author.may_write.set()
    await asyncio.gather(*tasks)

    assert author.order == ["busy 0", "busy 1", "other", "busy 2", "busy 3"]


async def test_the_loop_goes_on_while_one_is_written() -> None:
    templates, author = Templates(), _Author()
    task = asyncio.create_task(templates.get("key", lambda: author.write("key"), None))

    await asyncio.sleep(0.01)  # A loop that waits for the author would wait for ten seconds, and then fail.
    author.may_write.set()

    assert (await task).parts == ("key",)
    assert author.order == ["key"]


async def test_what_could_not_be_written_is_tried_again() -> None:
    templates, author = Templates(), _Author()
    author.may_write.set()

    def fail() -> Template:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await templates.get("key", fail, None)

    assert (await templates.get("key", lambda: author.write("key"), None)).parts == ("key",)


async def test_the_oldest_is_forgotten() -> None:
    templates, author = Templates(most_characters=10), _Author()
    author.may_write.set()

    for key in ("first", "other", "third", "other", "first"):
        await templates.get(key, lambda key=key: author.write(key), None)  # type: ignore[misc]

    assert author.order == ["first", "other", "third", "first"]


async def test_one_that_is_larger_than_the_cache_is_not_kept() -> None:
    templates, author = Templates(most_characters=10), _Author()
    author.may_write.set()

    for key in ("first", "a longer one", "a longer one", "first"):
        template = await templates.get(key, lambda key=key: author.write(key), None)  # type: ignore[misc]
        assert template.parts == (key,)

    assert author.order == ["first", "a longer one", "a longer one"]
