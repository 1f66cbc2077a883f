"""Purchases of licenses: one invoice, the entitlements, or nothing."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.processes.test_concurrency import at_once, people
from tests.support import chain
from tests.support.changes import (
    PROVISION_LICENSE,
    PURCHASE,
    SET_LIMITS,
    UPDATE_BILLING,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.world import Person, World

SPENT = "{ account { limits { spentThisMonth { amount currency } } billing { outstanding { amount } } } }"
INVOICE = """query ($id: ID!) { node(id: $id) { ... on Invoice { number taxRate
  subtotal { amount } tax { amount } total { amount } lines { description unitPrice { amount } } } } }"""


async def purchase(world: World, *items: tuple[str, int], by: Person | None = None, **input: Any) -> Any:
    asked = [{"themeId": theme_id, "quantity": quantity} for theme_id, quantity in items]
    input = {"accountId": world.account_id, "items": asked, **input}
    return await (by or world.admin).change(PURCHASE, **input)


async def spent(world: World) -> tuple[str, str]:
    account = (await world.admin.ask(SPENT))["account"]
    assert account["limits"]["spentThisMonth"]["currency"] == "EUR"
    return account["limits"]["spentThisMonth"]["amount"], account["billing"]["outstanding"]["amount"]


def amounts(invoice: dict[str, Any]) -> list[str]:
    return [invoice[name]["amount"] for name in ("subtotal", "tax", "total")]


async def price(world: World, slug: str, amount: str, currency: str = "EUR") -> None:
    await world.superuser.execute(
        "UPDATE themes SET price_amount = $2, price_currency = $3 WHERE slug = $1",
        slug,
        Decimal(amount),
        currency,
    )


async def test_a_purchase_is_one_invoice_and_the_entitlements(world: World, themes: dict[str, str]) -> None:
    payload = await purchase(world, (themes["basalt"], 2), (themes["aurora"], 3), (themes["basalt"], 1))

    invoice = payload["invoice"]
    assert (invoice["number"], invoice["status"], invoice["taxRate"]) == ("INV-000001", "OPEN", "0.19")
    assert amounts(invoice) == ["294.00", "55.86", "349.86"]
    assert invoice["purchasedBy"] == {"id": world.admin.member_id}
    issued, due = (datetime.fromisoformat(invoice[name]) for name in ("issuedAt", "dueAt"))
    assert due - issued == timedelta(days=14)
    assert [
        (line["description"], line["quantity"], line["amount"]["amount"]) for line in invoice["lines"]
    ] == [("Basalt", 3, "147.00"), ("Aurora", 3, "147.00")]
    bought = [(each["theme"]["slug"], each["purchased"]) for each in payload["entitlements"]]
    assert bought == [("basalt", 3), ("aurora", 8)]
    issued_event, purchased_event = (await world.events())[:2]
    assert actions([purchased_event, issued_event]) == ["LICENSES_PURCHASED", "INVOICE_ISSUED"]
    assert purchased_event["summary"] == "Admin purchased licenses: 3 of Basalt, 3 of Aurora"
    assert issued_event["summary"] == "Admin had INV-000001 issued: 349.86 EUR"
    assert {event["targetId"] for event in (issued_event, purchased_event)} == {invoice["id"]}
    assert await spent(world) == ("349.86", "349.86")


async def test_what_was_bought_can_be_provisioned(world: World, themes: dict[str, str]) -> None:
    await purchase(world, (themes["basalt"], 1))

    payload = await world.member.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=themes["basalt"], site="a.example.com"
    )

    assert payload["license"]["status"] == "ACTIVE"


async def test_prices_are_those_of_then(world: World, themes: dict[str, str]) -> None:
    id = (await purchase(world, (themes["aurora"], 1)))["invoice"]["id"]
    before = await world.admin.ask(INVOICE, id=id)
    await price(world, "aurora", "99.99")
    await world.superuser.execute("UPDATE themes SET name = 'Boreal' WHERE slug = 'aurora'")

    later = await purchase(world, (themes["aurora"], 1))

    assert await world.admin.ask(INVOICE, id=id) == before
    assert amounts(later["invoice"])[0] == "99.99"
    assert later["invoice"]["lines"][0]["description"] == "Boreal"


@pytest.mark.parametrize(
    ("amount", "quantity", "expected"),
    [
        # 19 % of 0.50 is 0.095: half up, not to the even cent.
        ("0.50", 1, ["0.50", "0.10", "0.60"]),
        ("0.13", 1, ["0.13", "0.02", "0.15"]),
        ("0.01", 50, ["0.50", "0.10", "0.60"]),
        ("0.00", 3, ["0.00", "0.00", "0.00"]),
        ("123456.78", 100_000, ["12345678000.00", "2345678820.00", "14691356820.00"]),
    ],
)
async def test_tax_is_rounded_once_half_up(
    world: World, themes: dict[str, str], amount: str, quantity: int, expected: list[str]
) -> None:
    await price(world, "basalt", amount)

    payload = await purchase(world, (themes["basalt"], quantity))

    assert amounts(payload["invoice"]) == expected
    found = (await world.admin.ask(INVOICE, id=payload["invoice"]["id"]))["node"]
    assert amounts(found) == expected


@pytest.mark.parametrize(
    ("quantity", "error"),
    [(0, "INVALID"), (-1, "INVALID"), (10**9, "INVALID"), (100_001, "INVALID"), (2**31 - 1, "INVALID")],
)
async def test_no_quantity(world: World, themes: dict[str, str], quantity: int, error: str) -> None:
    async with nothing_changes(world):
        payload = await purchase(world, (themes["aurora"], 1), (themes["basalt"], quantity))
    assert user_error(payload) == (error, ["items", "1", "quantity"])


async def test_quantities_of_one_theme_are_bounded_together(world: World, themes: dict[str, str]) -> None:
    async with nothing_changes(world):
        payload = await purchase(world, *[(themes["basalt"], 50_001)] * 2)
    assert user_error(payload) == ("INVALID", ["items", "0", "quantity"])


async def test_a_purchase_has_1_to_100_items(world: World, themes: dict[str, str]) -> None:
    async with nothing_changes(world):
        assert user_error(await purchase(world)) == ("INVALID", ["items"])
        assert user_error(await purchase(world, *[(themes["aurora"], 1)] * 101)) == ("INVALID", ["items"])
    assert not codes(await purchase(world, *[(themes["aurora"], 1)] * 100))


async def test_a_hundred_themes_are_a_hundred_lines(world: World, themes: dict[str, str]) -> None:
    await world.superuser.execute(
        "INSERT INTO themes (id, slug, name, summary, price_amount, price_currency, tags, published_at,"
        " latest_version) SELECT gen_random_uuid(), 't' || n, 'T' || n, summary, n, 'EUR', '{}',"
        " published_at, '1.0.0' FROM themes, generate_series(1, 100) n WHERE slug = 'aurora'"
    )
    rows = await world.superuser.fetch("SELECT id FROM themes WHERE slug LIKE 't%' ORDER BY price_amount")

    payload = await purchase(world, *((f"theme_{row['id'].hex}", 2) for row in rows))

    assert [line["theme"]["slug"] for line in payload["invoice"]["lines"]] == [f"t{n}" for n in range(1, 101)]
    assert [each["theme"]["slug"] for each in payload["entitlements"]] == [f"t{n}" for n in range(1, 101)]
    assert amounts(payload["invoice"])[0] == "10100.00"
    assert (await world.events())[1]["summary"].endswith("2 of T1, 2 of T2, 2 of T3 and 97 more themes")


async def test_each_item_is_told_what_is_wrong_with_it(world: World, themes: dict[str, str]) -> None:
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'basalt'")
    items = [("theme_" + "0" * 32, 1), (themes["aurora"], 1), (themes["basalt"], 1), ("nonsense", 1)]

    async with nothing_changes(world):
        payload = await purchase(world, *items)

    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
        ("NOT_FOUND", ["items", "0", "themeId"]),
        ("NOT_ACTIVE", ["items", "2", "themeId"]),
        ("NOT_FOUND", ["items", "3", "themeId"]),
    ]
    assert payload["invoice"] is payload["entitlements"] is None


async def test_another_currency_is_refused(world: World, themes: dict[str, str]) -> None:
    await price(world, "basalt", "10.00", "USD")

    async with nothing_changes(world):
        payload = await purchase(world, (themes["basalt"], 1))

    assert user_error(payload) == ("INVALID", ["items", "0", "themeId"])
    assert payload["userErrors"][0]["message"] == (
        "Basalt is sold in USD, and this account is billed in EUR."
    )


async def test_an_account_of_another_person_is_none(world: World, themes: dict[str, str]) -> None:
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        payload = await purchase(world, (themes["aurora"], 1), by=stranger)
    assert user_error(payload) == ("NOT_FOUND", ["accountId"])


async def test_more_than_can_be_stored_is_refused(world: World, themes: dict[str, str]) -> None:
    await price(world, "basalt", "9999999.99")
    async with nothing_changes(world):
        assert user_error(await purchase(world, (themes["basalt"], 100_000))) == ("INVALID", ["items"])
    await purchase(world, (themes["aurora"], 1))
    await world.superuser.execute("UPDATE entitlements SET purchased = 2147483600")
    async with nothing_changes(world):
        payload = await purchase(world, (themes["aurora"], 48))
    assert user_error(payload) == ("INVALID", ["items", "0", "quantity"])
    assert not codes(await purchase(world, (themes["aurora"], 47)))


# The monthly limit


async def test_the_limit_counts_this_month_with_tax_but_no_void_invoices(
    world: World, themes: dict[str, str]
) -> None:
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxMonthlySpend="116.62")
    assert not codes(await purchase(world, (themes["aurora"], 1)))
    assert not codes(await purchase(world, (themes["aurora"], 1)))

    async with nothing_changes(world):
        refused = await purchase(world, (themes["aurora"], 1))
    assert user_error(refused) == ("SPEND_LIMIT_REACHED", ["items"])
    assert refused["userErrors"][0]["message"] == (
        "The account's limit is 116.62 EUR a month including tax. It has spent 116.62, and this purchase"
        " would add 58.31."
    )
    await world.superuser.execute("UPDATE invoices SET status = 'VOID' WHERE sequence = 1")
    assert await spent(world) == ("58.31", "58.31")
    assert not codes(await purchase(world, (themes["aurora"], 1)))


async def test_last_month_does_not_count(world: World, themes: dict[str, str]) -> None:
    await purchase(world, (themes["aurora"], 1))
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for issued_at, due in ((month - timedelta(microseconds=1), "0.00"), (month, "58.31")):
        await world.superuser.execute("SET session_replication_role = replica")
        await world.superuser.execute("UPDATE invoices SET issued_at = $1", issued_at)
        await world.superuser.execute("RESET session_replication_role")

        assert await spent(world) == (due, "58.31")


async def test_many_at_once_stay_within_the_limit_and_are_numbered_without_a_gap(
    world: World, themes: dict[str, str]
) -> None:
    await world.admin.change(SET_LIMITS, accountId=world.account_id, maxMonthlySpend="583.10")
    admins = await people(world, 30, "ADMIN")

    answers = await at_once(*(purchase(world, (themes["basalt"], 1), by=admin) for admin in admins))

    assert sum(not codes(answer) for answer in answers) == 10
    assert {code for answer in answers for code in codes(answer)} == {"SPEND_LIMIT_REACHED"}
    rows = await world.superuser.fetch("SELECT sequence FROM invoices ORDER BY issued_at")
    assert [row["sequence"] for row in rows] == list(range(1, 11))
    numbers = [answer["invoice"]["number"] for answer in answers if answer["invoice"]]
    assert sorted(numbers) == [f"INV-{number:06d}" for number in range(1, 11)]
    bought = await world.superuser.fetchval(
        "SELECT purchased FROM entitlements JOIN themes ON themes.id = theme_id WHERE slug = 'basalt'"
    )
    assert bought == 10
    await chain.assert_whole(world.superuser)


async def test_numbers_are_the_account_s_own(world: World, themes: dict[str, str]) -> None:
    await purchase(world, (themes["aurora"], 1))
    stranger = await world.found("Other", "stranger@example.com")
    account = (await stranger.ask("{ account { id } }"))["account"]["id"]

    payload = await purchase(world, (themes["aurora"], 1), by=stranger, accountId=account)

    assert payload["invoice"]["number"] == "INV-000001"


# To whom it is made out


@pytest.mark.parametrize(
    ("details", "rate", "reverse_charge"),
    [
        ({}, "0.19", False),
        ({"country": "DE", "taxId": "DE136695976"}, "0.19", False),
        ({"country": "FR"}, "0.2", False),
        ({"country": "FI"}, "0.255", False),
        ({"country": "FR", "taxId": "fr 61 954 506 077"}, "0", True),
        ({"country": "GR", "taxId": "094259216"}, "0", True),
        # Of another country than the address's.
        ({"country": "AT", "taxId": "FR61954506077"}, "0.2", False),
        ({"country": "FR", "taxId": "none yet"}, "0.2", False),
        ({"country": "US", "taxId": "12-3456789"}, "0", False),
    ],
)
async def test_tax_is_of_the_buyer_s_country(
    world: World, themes: dict[str, str], details: dict[str, str], rate: str, reverse_charge: bool
) -> None:
    assert not codes(await world.admin.change(UPDATE_BILLING, accountId=world.account_id, **details))

    payload = await purchase(world, (themes["aurora"], 1))

    assert payload["invoice"]["taxRate"] == rate
    assert (await billed_to(world))["reverseCharge"] is reverse_charge


async def test_an_invoice_keeps_to_whom_it_was_made_out(world: World, themes: dict[str, str]) -> None:
    details = {"company": "Acme SARL", "email": "bills@example.com", "addressLines": ["1, rue Neuve", "Lyon"]}
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, country="FR", **details)
    await purchase(world, (themes["aurora"], 1))
    await world.admin.change(UPDATE_BILLING, accountId=world.account_id, company="Apex", country=None)

    assert await billed_to(world) == {
        "account": "Acme",
        "owner": {"name": "Admin", "email": "admin@example.com"},
        "company": "Acme SARL",
        "email": "bills@example.com",
        "addressLines": ["1, rue Neuve", "Lyon"],
        "country": "FR",
        "taxId": None,
        "reverseCharge": False,
        "purchasedBy": "Admin",
        "seller": {
            "name": world.settings.seller_name,
            "addressLines": [line.strip() for line in world.settings.seller_address.split(",")],
            "taxId": None,
        },
    }


async def billed_to(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await world.superuser.fetchval("SELECT billed_to FROM invoices"))
    return found


async def test_entitlements_are_filtered_by_theme(world: World, themes: dict[str, str]) -> None:
    await purchase(world, (themes["basalt"], 2))

    answer = await world.admin.ask(
        """query ($one: [ID!]!, $none: [ID!]!) { account {
          one: entitlements(filter: { themeIds: $one }) { totalCount nodes { purchased theme { slug } } }
          none: entitlements(filter: { themeIds: $none }) { totalCount nodes { purchased } }
          all: entitlements(filter: {}) { totalCount } } }""",
        one=[themes["basalt"]],
        none=[],
    )

    assert answer["account"] == {
        "one": {"totalCount": 1, "nodes": [{"purchased": 2, "theme": {"slug": "basalt"}}]},
        "none": {"totalCount": 0, "nodes": []},
        "all": {"totalCount": 2},
    }
