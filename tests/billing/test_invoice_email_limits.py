"""Emails with invoices to addresses of other people are limited."""

from typing import Any

from tests.support.changes import UPDATE_BILLING, user_error
from tests.support.world import INVITE, PURCHASE, Person, World

CREATE = """mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id }
  userErrors { code } } }"""


async def stranger(world: World, email: str) -> tuple[Person, str]:
    """Somebody who has signed up, and their new account."""
    person = await world.sign_in(email)
    payload = await person.change(CREATE, name="New")
    return person, payload["account"]["id"]


async def buy(person: Person, account_id: str, theme_id: str, address: str) -> Any:
    """Buys a license, after the address for invoices is changed."""
    changed = await person.change(UPDATE_BILLING, accountId=account_id, email=address)
    assert not changed["userErrors"]
    items = [{"themeId": theme_id, "quantity": 1}]
    payload = await person.change(PURCHASE, accountId=account_id, items=items)
    assert not payload["userErrors"]
    return payload["invoice"]


async def recipients(world: World) -> list[str]:
    return [email.to for email in await world.emails() if email.attachment]


async def test_one_address_gets_few_invoices_of_an_account(world: World, themes: dict[str, str]) -> None:
    spellings = [
        f"victim+{number}@example.com" if number % 2 else "Victim@Example.com" for number in range(30)
    ]

    for address in spellings:
        await buy(world.admin, world.account_id, themes["aurora"], address)

    sent = await recipients(world)
    assert len([to for to in sent if to.startswith("victim")]) == 20
    assert sent.count("admin@example.com") == 30


async def test_new_accounts_share_what_one_address_gets(world: World, themes: dict[str, str]) -> None:
    for name in ("first", "second"):
        person, account_id = await stranger(world, f"{name}@example.com")
        for _ in range(15):
            await buy(person, account_id, themes["aurora"], "victim@example.com")
    of_strangers = (await recipients(world)).count("victim@example.com")

    await buy(world.admin, world.account_id, themes["aurora"], "victim@example.com")

    assert of_strangers == 20
    assert (await recipients(world)).count("victim@example.com") == 21


async def test_invoices_of_a_new_account_count_as_its_invitations(
    world: World, themes: dict[str, str]
) -> None:
    person, account_id = await stranger(world, "stranger@example.com")

    for number in range(60):
        await buy(person, account_id, themes["aurora"], f"victim{number}@example.com")
    invited = await person.change(INVITE, accountId=account_id, email="one@example.com", role="VIEWER")

    sent = await recipients(world)
    assert len([to for to in sent if to.startswith("victim")]) == 50
    assert sent.count("stranger@example.com") == 60
    assert user_error(invited) == ("TOO_MANY_REQUESTS", ["email"])
