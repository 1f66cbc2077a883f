"""Billing details, and the list of invoices."""

from typing import Any

import pytest

from tests.billing.test_purchases import purchase
from tests.support.changes import DETAILS, UPDATE_BILLING, actions, nothing_changes, user_error
from tests.support.world import World

INVOICES = """query ($filter: InvoiceFilter, $first: Int, $after: String) { account { billing {
  invoices(filter: $filter, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { number status } } } } }"""
EMPTY: dict[str, Any] = {
    "company": None,
    "email": None,
    "addressLines": [],
    "country": None,
    "taxId": None,
    "currency": "EUR",
}


async def update(world: World, **input: Any) -> Any:
    return await world.admin.change(UPDATE_BILLING, accountId=world.account_id, **input)


async def details(world: World) -> Any:
    return (await world.admin.ask(f"{{ account {{ billing {{ {DETAILS} }} }} }}"))["account"]["billing"][
        "details"
    ]


async def invoices(world: World, **variables: Any) -> list[str]:
    """The last digits of their numbers."""
    page = (await world.admin.ask(INVOICES, **variables))["account"]["billing"]["invoices"]
    return [node["number"][-1] for node in page["nodes"]]


async def test_what_is_left_out_stays_and_null_clears(world: World) -> None:
    assert await details(world) == EMPTY
    first = {
        "company": "  Acme   GmbH ",
        "email": "Bills@Example.com",
        "addressLines": ["Hauptstr. 1", "10115 Berlin"],
        "country": "de",
        "taxId": "de 136 695 976",
    }
    kept = {
        "company": "Acme GmbH",
        "email": "bills@example.com",
        "addressLines": ["Hauptstr. 1", "10115 Berlin"],
        "country": "DE",
        "taxId": "DE136695976",
        "currency": "EUR",
    }

    payload = await update(world, **first)
    assert payload["billing"]["details"] == kept == await details(world)
    await update(world, company=None, addressLines=["Hauptstr. 2"])
    assert await details(world) == {**kept, "company": None, "addressLines": ["Hauptstr. 2"]}
    await update(world, email=None, addressLines=None, country=None, taxId=None)
    assert await details(world) == EMPTY


async def test_a_change_is_told_before_and_after_and_none_is_none(world: World) -> None:
    await update(world, company="Acme GmbH", country="DE")

    async with nothing_changes(world):
        await update(world, company="Acme GmbH", country=" de ")
        await update(world)
    await update(world, company="Apex GmbH", country="DE")

    events = await world.events(actions=["BILLING_DETAILS_CHANGED"])
    assert actions(events) == ["BILLING_DETAILS_CHANGED"] * 2
    assert [event["details"] for event in events] == [
        {"company": ["Acme GmbH", "Apex GmbH"]},
        {"company": [None, "Acme GmbH"], "country": [None, "DE"]},
    ]
    assert events[0]["summary"] == "Admin changed the billing details"


@pytest.mark.parametrize(
    ("input", "path"),
    [
        ({"company": "x" * 201}, ["company"]),
        ({"company": "a\u202eb"}, ["company"]),
        ({"email": "nobody"}, ["email"]),
        ({"country": "UK"}, ["country"]),
        ({"country": "DEU"}, ["country"]),
        ({"country": "ß"}, ["country"]),
        ({"addressLines": ["a"] * 7}, ["addressLines"]),
        ({"addressLines": ["a", " "]}, ["addressLines", "1"]),
        ({"addressLines": ["x" * 101]}, ["addressLines", "0"]),
        ({"addressLines": ["a\x07b"]}, ["addressLines", "0"]),
        ({"taxId": "x" * 41}, ["taxId"]),
        ({"country": "DE", "taxId": "DE136695975"}, ["taxId"]),
        ({"country": "GR", "taxId": "EL1"}, ["taxId"]),
    ],
)
async def test_what_no_detail_may_be(world: World, input: dict[str, Any], path: list[str]) -> None:
    await update(world, company="Acme", country="AT")

    async with nothing_changes(world):
        assert user_error(await update(world, **{"email": "bills@example.com", **input})) == ("INVALID", path)


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("GR", "el 094 259 216", "EL094259216"),
        ("NL", "NL4495445B01", "NL004495445B01"),
        ("DE", "12/345/67890", "12/345/67890"),
        ("US", " 12-3456789 ", "12-3456789"),
        (None, "DE 1", "DE 1"),
    ],
)
async def test_a_vat_id_is_kept_as_the_eu_writes_it(
    world: World, country: str | None, typed: str, kept: str
) -> None:
    await update(world, country=country)

    assert (await update(world, taxId=typed))["billing"]["details"]["taxId"] == kept


async def test_invoices_are_listed_the_newest_first_by_their_state(
    world: World, themes: dict[str, str]
) -> None:
    for _ in range(5):
        await purchase(world, (themes["aurora"], 1))
    await world.superuser.execute("UPDATE invoices SET status = 'PAID' WHERE sequence IN (2, 4)")
    await world.superuser.execute("UPDATE invoices SET status = 'VOID' WHERE sequence = 3")

    assert await invoices(world) == ["5", "4", "3", "2", "1"]
    assert await invoices(world, filter={"statuses": ["PAID"]}) == ["4", "2"]
    assert await invoices(world, filter={"statuses": ["VOID", "OPEN", "VOID"]}) == ["5", "3", "1"]
    assert await invoices(world, filter={"statuses": ["OPEN", "PAID", "VOID"]}) == ["5", "4", "3", "2", "1"]
    assert await invoices(world, filter={"statuses": []}) == []
    page = (await world.admin.ask(INVOICES, first=2))["account"]["billing"]["invoices"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
    assert await invoices(world, first=2, after=page["pageInfo"]["endCursor"]) == ["3", "2"]


async def test_an_invoice_of_another_account_is_none(world: World, themes: dict[str, str]) -> None:
    id = (await purchase(world, (themes["aurora"], 1)))["invoice"]["id"]
    stranger = await world.found("Other", "stranger@example.com")

    assert await stranger.ask("query ($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}
    data = await stranger.ask(INVOICES)
    assert data["account"]["billing"]["invoices"]["totalCount"] == 0
