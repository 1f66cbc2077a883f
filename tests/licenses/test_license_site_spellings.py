"""Sites as installed themes may spell them, sent to the endpoints."""

import unicodedata

import pytest

from tests.licenses.test_license_changes import provision
from tests.licenses.test_license_checks import key_of, reported, verify
from tests.support.limited import limited
from tests.support.world import World

SITE = "bücher.example"
LONGEST = ".".join(["a"] * 127)
"""253 characters."""


@pytest.mark.parametrize(
    "spelling",
    [
        SITE,
        unicodedata.normalize("NFD", SITE),
        "BÜCHER.Example",
        unicodedata.normalize("NFD", "BÜCHER.EXAMPLE"),
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.EXAMPLE",
        "www.bücher.example",
        "WWW.xn--bcher-kva.EXAMPLE.:443",
        "bücher.example:8443",
        "bücher.example.:80",
        " bücher.example ",
        "ｂücher．example",  # noqa: RUF001 - full-width letter and stop
        "bücher。example",
    ],
)
async def test_a_license_holds_on_each_spelling_of_its_site(
    world: World, themes: dict[str, str], spelling: str
) -> None:
    await provision(world, themes["aurora"], SITE)

    answer = await verify(world, await key_of(world), spelling)

    assert (answer["status"], answer["environment"], answer["site"]) == ("VALID", "PRODUCTION", SITE)


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ("[::1]", "VALID"),
        ("[::1]:8080", "VALID"),
        ("0:0:0:0:0:0:0:1", "VALID"),
        ("FD00::A", "VALID"),
        ("[::ffff:10.0.0.1]:443", "VALID"),
        ("[2600::1]:443", "WRONG_SITE"),
        ("2600::1", "WRONG_SITE"),
        ("[::ffff:8.8.8.8]", "WRONG_SITE"),
        ("64:ff9b::808:808", "WRONG_SITE"),
        ("bucher.example", "WRONG_SITE"),
        ("bücher.example.evil.example", "WRONG_SITE"),
        (LONGEST, "WRONG_SITE"),
    ],
)
async def test_addresses_and_other_hosts(
    world: World, themes: dict[str, str], site: str, status: str
) -> None:
    await provision(world, themes["aurora"], SITE)

    assert (await verify(world, await key_of(world), site))["status"] == status


async def test_a_license_of_the_longest_site(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], LONGEST)

    assert (await verify(world, await key_of(world), f"{LONGEST.upper()}.:443"))["status"] == "VALID"


@pytest.mark.parametrize(
    "site",
    [
        "*",
        "*.example",
        "*.bücher.example",
        "ada@bücher.example",
        "ada:secret@bücher.example",
        "https://bücher.example",
        "//bücher.example",
        "bücher.example/",
        "bücher.example?a",
        "bücher.example#a",
        "bücher.example:",
        "bücher.example:8443:1",
        "bücher.example:port",
        "bücher..example",
        ".bücher.example",
        "-a.example",
        "bücher .example",
        "xn--a.example",
        "[::1",
        "::1]",
        "[::1]:",
        "[bücher.example]",
        "127.1",
        "2130706433",
        "1.2.3.4.5",
        f"{LONGEST}b",
        f"{'a' * 64}.example",
        "ü" * 254,
    ],
)
async def test_what_is_no_site_is_refused_and_not_noted(
    world: World, themes: dict[str, str], site: str
) -> None:
    await provision(world, themes["aurora"], SITE)
    request = {"key": await key_of(world), "site": site, "version": "1.0"}

    async with limited(world) as (there, state):
        for path in ("/licenses/verify", "/licenses/updates"):
            answer = await there.http.post(path, json=request)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID")
            assert "must be the host name" in answer.json()["error"]["message"]
        await state.license_check_notes.close()

    assert await reported(world) == (None, None, None)
