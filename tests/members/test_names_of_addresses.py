"""A person without a name is named after the words of its address, never by the address."""

import pytest

from resolvers.sessions.mutations import name_from
from tests.support.world import World

TEAM = "{ account { members { nodes { name } } } }"
LONG_DOMAIN = ".".join(["d" * 60] * 4)


@pytest.mark.parametrize(
    "email", ["_@example.com", "+a@example.com", "._-@x.example", f"_@{LONG_DOMAIN[:240]}.com"]
)
async def test_no_viewer_reads_an_address_as_a_name(world: World, email: str) -> None:
    if email.startswith("."):
        assert name_from(email) == "New member"
        return
    await world.join("MEMBER", email)

    names = [node["name"] for node in (await world.viewer.ask(TEAM))["account"]["members"]["nodes"]]

    assert "New member" in names
    assert not any("@" in name or "example" in name for name in names)


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ada.lovelace@example.com", "Ada Lovelace"),
        ("ada+shop@example.com", "Ada"),
        ("γιώργος@example.com", "Γιώργος"),
        ("!#$%@example.com", "New member"),
        ("\u0301@example.com", "New member"),
        ("\u3164a@example.com", "New member"),
    ],
)
def test_the_words_of_an_address_are_a_name(email: str, name: str) -> None:
    assert name_from(email) == name
