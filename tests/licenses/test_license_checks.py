"""Installed themes check their licenses with the key: what they are told, by status, site and time."""

import asyncio
import json
import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_proof.keys import encoded, written
from resolvers.licenses.check_sites import environment_of, host_of
from resolvers.licenses.keys import new_license_key
from tests.licenses.test_license_changes import STATES, in_state, make, provision
from tests.support.limited import limited
from tests.support.world import World

SECRET = encoded(b"k" * 32)
SIGNING = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
RETIRED = written(Ed25519PrivateKey.from_private_bytes(b"r" * 32).public_key())
TOLD = {"environment", "theme", "site", "expiresAt", "latestVersion"}
LAST = "SELECT last_verified_at, last_verified_site, installed_version FROM licenses"


@pytest.fixture
async def signing(world: World) -> AsyncIterator[World]:
    """The world through a server with a signing key."""
    settings = world.settings.model_validate(
        {**world.settings.model_dump(), "license_signing_key": SECRET, "license_retired_keys": RETIRED}
    )
    chosen = {name: getattr(settings, name) for name in ("license_signing_key", "license_retired_keys")}
    async with limited(world, **chosen) as (there, _):
        yield there


async def key_of(world: World) -> str:
    return str(await world.superuser.fetchval("SELECT key FROM licenses"))


async def verify(world: World, key: str, site: str, **more: Any) -> dict[str, Any]:
    response = await world.http.post("/licenses/verify", json={"key": key, "site": site, **more})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


async def reported(world: World) -> tuple[Any, ...]:
    (record,) = await world.superuser.fetch(LAST)
    return tuple(record)


async def claims(world: World, token: str) -> dict[str, Any]:
    """What a client learns that has nothing but the published keys."""
    keys = jwt.PyJWKSet.from_dict((await world.http.get("/.well-known/jwks.json")).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["EdDSA"], issuer=world.settings.public_url)


async def test_a_valid_license_is_told_with_what_a_theme_needs(
    signing: World, themes: dict[str, str]
) -> None:
    await provision(signing, themes["aurora"], "www.example.com", expiresAt="2100-01-01T00:00:00Z")

    answer = await verify(
        signing, (await key_of(signing)).lower(), "Example.COM.:443", nonce="n-1", version="1.0"
    )

    token = answer.pop("token")
    signed = await claims(signing, token)
    assert signed.pop("exp") - signed.pop("iat") == 14 * 86_400
    assert signed.pop("iss") == signing.settings.public_url
    assert signed.pop("sub") == "Example.COM.:443"
    assert signed == answer
    checked_at = datetime.fromisoformat(answer.pop("checkedAt"))
    assert abs((datetime.now(UTC) - checked_at).total_seconds()) < 10
    assert 0.9 * 86_400 <= answer.pop("recheckAfterSeconds") <= 86_400
    version = await signing.superuser.fetchval("SELECT latest_version FROM themes WHERE slug = 'aurora'")
    assert answer == {
        "status": "VALID",
        "environment": "PRODUCTION",
        "theme": "aurora",
        "site": "www.example.com",
        "expiresAt": "2100-01-01T00:00:00Z",
        "latestVersion": version,
        "nonce": "n-1",
    }


@pytest.mark.parametrize("state", STATES)
async def test_a_license_that_is_not_valid_tells_nothing_but_its_status(
    signing: World, themes: dict[str, str], state: str
) -> None:
    await in_state(signing, themes["aurora"], state)

    answer = await verify(signing, await key_of(signing), "a.example.com", nonce="n")

    assert answer["status"] == {"ACTIVE": "VALID"}.get(state, "EXPIRED" if "over" in state else state)
    told = {name for name in TOLD if answer[name] is not None}
    assert told == (TOLD if state == "ACTIVE" else set())
    signed = await claims(signing, answer["token"])
    assert (signed["status"], signed["nonce"]) == (answer["status"], "n")
    assert state == "ACTIVE" or signed["exp"] - signed["iat"] == answer["recheckAfterSeconds"]
    assert state == "ACTIVE" or 0.9 * 3_600 <= answer["recheckAfterSeconds"] <= 3_600


async def test_each_license_key_has_a_time_of_its_own_for_the_next_check(signing: World) -> None:
    keys = [new_license_key() for _ in range(20)]

    seconds = [(await verify(signing, key, "a.example.com"))["recheckAfterSeconds"] for key in keys]

    assert len(set(seconds)) > 5
    assert [(await verify(signing, key, "a.example.com"))["recheckAfterSeconds"] for key in keys] == seconds


async def test_each_change_is_told_by_the_next_check(world: World, themes: dict[str, str]) -> None:
    """By each process, whatever it remembers of the checks before: with the first key on the first site, and
    with the key of now on the site of now."""
    id = await provision(world, themes["aurora"])
    first = await key_of(world), "a.example.com"
    told: dict[str, tuple[str, str]] = {}
    async with limited(world) as (there, _):

        async def ask(pair: tuple[str, str]) -> str:
            statuses = {(await verify(server, *pair))["status"] for server in (world, there)}
            assert len(statuses) == 1
            return str(statuses.pop())

        changes = ("suspend", "reinstate", "transfer", "prolong", "move", "rotate", "expire", "revoke")
        for change in ("none", *changes):
            if change == "expire":
                await world.superuser.execute("UPDATE licenses SET expires_at = now()")
            elif change != "none":
                await make(world, id, change)
            site = await world.superuser.fetchval("SELECT site FROM licenses")
            told[change] = await ask(first), await ask((await key_of(world), site))

    assert told == {
        "none": ("VALID", "VALID"),
        "suspend": ("SUSPENDED", "SUSPENDED"),
        "reinstate": ("VALID", "VALID"),
        "transfer": ("VALID", "VALID"),
        "prolong": ("VALID", "VALID"),
        "move": ("WRONG_SITE", "VALID"),
        "rotate": ("REVOKED", "VALID"),
        "expire": ("REVOKED", "EXPIRED"),
        "revoke": ("REVOKED", "REVOKED"),
    }


async def test_a_license_of_a_withdrawn_theme_is_changed_like_others(
    world: World, themes: dict[str, str]
) -> None:
    id = await provision(world, themes["aurora"], expiresAt="2100-01-01T00:00:00Z")
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now()")
    await world.superuser.execute("UPDATE licenses SET expires_at = now()")

    for change in ("prolong", "move", "rotate"):
        assert (await make(world, id, change))["userErrors"] == []

    assert (await verify(world, await key_of(world), "moved.example.com"))["status"] == "VALID"


async def test_a_withdrawn_theme_keeps_its_licenses(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now()")

    assert (await verify(world, await key_of(world), "a.example.com"))["status"] == "VALID"


@pytest.mark.parametrize(
    ("licensed", "site", "expected"),
    [
        ("www.example.com", "example.com", "PRODUCTION"),
        ("example.com", "WWW.Example.com", "PRODUCTION"),
        ("example.com", " example.com. ", "PRODUCTION"),
        ("example.com", "example.com:8443", "PRODUCTION"),
        ("bücher.example", "xn--bcher-kva.example", "PRODUCTION"),
        ("bücher.example", "bu\u0308cher.example", "PRODUCTION"),
        ("example.com", "staging.example.com", "STAGING"),
        ("www.example.com", "stage.example.com", "STAGING"),
        ("www.example.com", "dev.www.example.com", "STAGING"),
        ("example.com", "test.example.com:8080", "STAGING"),
        ("example.com", "localhost", "STAGING"),
        ("example.com", "localhost:3000", "STAGING"),
        ("example.com", "shop.localhost", "STAGING"),
        ("example.com", "shop.test", "STAGING"),
        ("example.com", "printer.local", "STAGING"),
        ("example.com", "192.168.1.20:8080", "STAGING"),
        ("example.com", "10.0.0.1", "STAGING"),
        ("example.com", "[::1]:8080", "STAGING"),
        ("example.com", "fd00::1", "STAGING"),
        ("example.com", "8.8.8.8", None),
        ("example.com", "[2600::1]", None),
        ("example.com", "shop.example.com", None),
        ("example.com", "staging.example.org", None),
        ("example.com", "live.staging.example.com", None),
        ("example.com", "example.com.evil.example", None),
        ("example.com", "notexample.com", None),
        ("example.com", "intranet", None),
        ("example.com", "copy.preview.example", "STAGING"),
        ("example.com", "preview.example", "STAGING"),
        ("example.com", "mypreview.example", None),
    ],
)
def test_a_license_holds_on_its_site_and_on_copies_of_it(
    licensed: str, site: str, expected: str | None
) -> None:
    assert environment_of(licensed, host_of(site), ("preview.example",)) == expected


async def test_a_license_on_another_site_tells_nothing(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    async with limited(world, license_staging_hosts=("preview.example",)) as (there, _):
        copy = await verify(there, key, "copy.preview.example")
        wrong = await verify(there, key, "b.example.com")

    assert (copy["status"], copy["environment"]) == ("VALID", "STAGING")
    assert wrong["status"] == "WRONG_SITE"
    assert all(wrong[name] is None for name in TOLD)


async def test_a_key_with_a_wrong_check_character_is_not_looked_up(
    world: World, themes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)
    wrong = key[:-1] + ("1" if key[-1] != "1" else "2")

    async with limited(world) as (there, state):
        unknown = await verify(there, new_license_key(), "a.example.com")
        monkeypatch.delattr(state.database, "fetch")
        answers = [await verify(there, each, "a.example.com") for each in (wrong, "x", "TL-" + "-" * 90)]

    assert {answer["status"] for answer in (unknown, *answers)} == {"UNKNOWN"}
    assert all(answer[name] is None for answer in (unknown, *answers) for name in TOLD)


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (b"", "must be a JSON object"),
        (b"[]", "must be a JSON object"),
        (b'{"key": "x"', "must be a JSON object"),
        (b'"\xff"', "must be a JSON object"),
        (json.dumps({"site": "a.example.com"}).encode(), "`key` must be a text"),
        (json.dumps({"key": "x"}).encode(), "`site` must be a text"),
        (json.dumps({"key": 5, "site": "a.example.com"}).encode(), "`key` must be a text"),
        (json.dumps({"key": "x", "site": "*"}).encode(), "must be the host name"),
        (json.dumps({"key": "x", "site": "ada@example.com"}).encode(), "must be the host name"),
        (json.dumps({"key": "x", "site": "http://example.com"}).encode(), "must be the host name"),
        (json.dumps({"key": "x", "site": "a" * 251 + ".de"}).encode(), "must be the host name"),
        (json.dumps({"key": "x", "site": "a.example.com", "nonce": "n" * 129}).encode(), "1 to 128"),
        (json.dumps({"key": "x", "site": "a.example.com", "version": "1\n0"}).encode(), "printable"),
        (json.dumps({"key": "x", "site": "a.example.com", "more": "n" * 4_096}).encode(), "4 KiB"),
    ],
)
async def test_bad_requests_are_told_what_would_be_right(world: World, body: bytes, right: str) -> None:
    response = await world.http.post("/licenses/verify", content=body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "INVALID"
    assert right in response.json()["error"]["message"]


async def test_what_the_theme_reports_is_noted_once_an_hour(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)

    async with limited(world) as (there, state):
        await verify(there, key, "staging.a.example.com", version="1.2")
        await state.license_check_notes.close()
        first = await reported(world)
        await verify(there, key, "a.example.com", version="1.3")
        await state.license_check_notes.close()
        second = await reported(world)
        await world.superuser.execute("UPDATE licenses SET last_verified_at = now() - interval '61 minutes'")
        await verify(there, key, "a.example.com")
        await state.license_check_notes.close()
        third = await reported(world)

    assert first[1:] == ("staging.a.example.com", "1.2")
    assert second == first
    assert third[1:] == ("a.example.com", "1.2")
    assert third[0] > first[0]
    assert (await world.events())[0]["action"] == "LICENSE_PROVISIONED"  # A check is no event.


async def test_a_check_of_a_license_whose_row_is_locked_does_not_wait(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])

    async with limited(world) as (there, state), world.superuser.transaction():
        await world.superuser.execute("SELECT FROM licenses FOR UPDATE")
        async with asyncio.timeout(20):
            answer = await verify(there, await key_of(world), "a.example.com", version="1.2")
            await state.license_check_notes.close()

    assert answer["status"] == "VALID"
    assert await world.superuser.fetchval("SELECT last_verified_at FROM licenses") is None


async def test_a_key_has_a_rate_limit_and_unknown_ones_use_up_that_of_their_address(
    world: World, themes: dict[str, str]
) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)
    good = {"key": key, "site": "a.example.com"}

    async with limited(world, per_address=5, license_checks_per_minute=3) as (there, _):
        await verify(there, key, "a.example.com")
        unknown = [
            (await there.http.post("/licenses/verify", json={**good, "key": new_license_key()})).status_code
            for _ in range(7)
        ]
        bad = await there.http.post("/licenses/verify", content=b"")
        known = [(await there.http.post("/licenses/verify", json=good)) for _ in range(3)]

    assert unknown == [200] * 5 + [429] * 2
    assert bad.status_code == 429
    assert [each.status_code for each in known] == [200, 200, 429]
    assert int(known[-1].headers["retry-after"]) > 0
    assert known[-1].json()["error"]["code"] == "RATE_LIMITED"


async def test_a_request_over_the_limit_of_its_address_does_not_encode_its_site(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"key": new_license_key(), "site": "www.bücher.example"}

    async with limited(world, per_address=1) as (there, _):
        first = await there.http.post("/licenses/verify", json=request)
        monkeypatch.setattr("idna.alabel", None)
        others = [
            await there.http.post(path, json={**request, "key": key, "version": "1.0"})
            for path in ("/licenses/verify", "/licenses/updates")
            for key in (request["key"], new_license_key()[:-1], "x")
        ]

    assert first.json()["status"] == "UNKNOWN"
    assert [each.status_code for each in others] == [429] * len(others)


@pytest.mark.parametrize(
    "site",
    [
        "ü." * 126 + "üü",
        "ü." * 500,
        "xn--fsq." * 120,
        "a." * 128,
        f"xn--{'fsqa' * 60}",
        "ü" * 254,
        "\ufdfa" * 1_000,
        ("\ufdfa" * 250 + ".") * 3,
        "ü\u3002" * 500,
    ],
)
def test_no_label_of_a_site_that_is_too_long_is_encoded(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idna.alabel", None)

    with pytest.raises(ValueError, match="too long"):
        host_of(site)


def test_the_longest_sites_are_taken_in_every_spelling() -> None:
    for site in (".".join(["a"] * 127), f"{'.'.join(['ü' * 57] * 3)}.{'a' * 61}"):
        for spelled in (site, site + ".", unicodedata.normalize("NFD", site), f" {site.upper()}:8443"):
            assert host_of(spelled) == site


@pytest.mark.parametrize(
    "site",
    [
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]:8080",
        "fe80::1%=cmd",
        "fe80::1\uff05a",
        "1.2.3.4%a",
    ],
)
async def test_an_address_with_a_zone_is_no_site(world: World, themes: dict[str, str], site: str) -> None:
    await provision(world, themes["aurora"])
    request = {"key": await key_of(world), "site": site, "version": "1.0"}

    async with limited(world) as (there, state):
        for path in ("/licenses/verify", "/licenses/updates"):
            answer = await there.http.post(path, json=request)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID")
            assert "must be the host name" in answer.json()["error"]["message"]
        await state.license_check_notes.close()

    assert await reported(world) == (None, None, None)


async def test_tokens_that_the_server_did_not_sign_are_refused(
    signing: World, themes: dict[str, str]
) -> None:
    await provision(signing, themes["aurora"])
    token = (await verify(signing, await key_of(signing), "a.example.com"))["token"]
    header, payload, signature = token.split(".")
    body = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    published = (await signing.http.get("/.well-known/jwks.json")).json()["keys"]
    public = published[0]["x"]

    async def refused(forged: str) -> bool:
        try:
            await claims(signing, forged)
        except (jwt.PyJWTError, KeyError):
            return True
        return False

    assert len(published) == 2
    assert published[1]["x"] == RETIRED
    assert not await refused(token)
    assert await refused(jwt.encode(body, "", "none", {"kid": kid}))
    assert await refused(jwt.encode(body, public.ljust(64, "x"), "HS256", {"kid": kid}))
    assert await refused(jwt.encode(body, SIGNING, "EdDSA", {"kid": "other"}))
    assert await refused(jwt.encode(body, SIGNING, "EdDSA"))
    for position in range(0, len(payload), 40):
        other = "A" if payload[position] != "A" else "B"
        assert await refused(f"{header}.{payload[:position]}{other}{payload[position + 1 :]}.{signature}")


async def test_a_token_of_a_retired_key_still_verifies(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"])
    key = await key_of(world)
    first = world.settings.model_validate({**world.settings.model_dump(), "license_signing_key": SECRET})
    async with limited(world, license_signing_key=first.license_signing_key) as (before, _):
        token = (await verify(before, key, "a.example.com"))["token"]
        issuer = before.settings.public_url

    second = world.settings.model_validate(
        {
            **world.settings.model_dump(),
            "license_signing_key": encoded(b"n" * 32),
            "license_retired_keys": written(SIGNING.public_key()),
        }
    )
    chosen = {name: getattr(second, name) for name in ("license_signing_key", "license_retired_keys")}
    async with limited(world, **chosen, public_url=issuer) as (after, _):
        new = (await verify(after, key, "a.example.com"))["token"]
        assert (await claims(after, token))["status"] == "VALID"
        assert (await claims(after, new))["status"] == "VALID"

    assert jwt.get_unverified_header(token)["kid"] != jwt.get_unverified_header(new)["kid"]
