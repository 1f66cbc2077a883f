"""Certificates of licenses: their claims, how long they hold, and the event that they have as evidence."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from models.database import Database
from tests.audit.test_audit_prune import owner, pruned  # noqa: F401
from tests.licenses.test_license_changes import STATES, in_state, make, provision
from tests.licenses.test_license_checks import key_of, verify
from tests.licenses.test_license_expiry import LATER
from tests.processes.test_concurrency import in_either_order
from tests.support import chain
from tests.support.changes import (
    ISSUE_CERTIFICATE,
    PROVISION_LICENSE,
    REVOKE_LICENSE,
    actions,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.limited import limited
from tests.support.people import erased, joined
from tests.support.world import Person, World

SITE, DAY = "a.example.com", 86_400
TYPE = "license-certificate+jwt"


async def issue(person: Person, license_id: str, seconds: int | None = None) -> str:
    payload = await person.change(ISSUE_CERTIFICATE, licenseId=license_id, lifetimeSeconds=seconds)
    assert not codes(payload), payload
    return str(payload["certificate"])


async def verified(world: World, certificate: str) -> dict[str, Any]:
    """What a theme reads that has nothing but the published keys."""
    keys = jwt.PyJWKSet.from_dict((await world.http.get("/.well-known/jwks.json")).json())
    header = jwt.get_unverified_header(certificate)
    assert (header["typ"], header["alg"]) == (TYPE, "EdDSA")
    return jwt.decode(
        certificate, keys[header["kid"]], algorithms=["EdDSA"], issuer=world.settings.public_url
    )


async def event_of(world: World, license_id: str) -> dict[str, Any]:
    """Sequence and hash of the event that provisioned the license, as the audit log has them."""
    query = """query ($id: ID!) { account {
      auditLog(filter: { targetId: $id, actions: [LICENSE_PROVISIONED] }) { nodes { sequence hash } } } }"""
    (event,) = (await world.admin.ask(query, id=license_id))["account"]["auditLog"]["nodes"]
    found: dict[str, Any] = event
    return found


async def test_a_theme_reads_what_is_certified(world: World, themes: dict[str, str]) -> None:
    await provision(world, themes["aurora"], "other.example.com")
    id = await provision(world, themes["aurora"], SITE, expiresAt=LATER)

    payload = await world.member.change(ISSUE_CERTIFICATE, licenseId=id)

    claims = await verified(world, payload["certificate"])
    issued_at, ends_at = claims.pop("iat"), claims.pop("exp")
    assert ends_at - issued_at == 30 * DAY
    assert datetime.fromisoformat(payload["expiresAt"]) == datetime.fromtimestamp(ends_at, UTC)
    assert claims == {
        "iss": world.settings.public_url,
        "status": "VALID",
        "license": id,
        "theme": "aurora",
        "site": SITE,
        "expiresAt": LATER,
        "provisioned": await event_of(world, id),
    }
    event = (await world.events())[0]
    assert (event["action"], event["targetId"]) == ("LICENSE_CERTIFICATE_ISSUED", id)
    assert event["summary"] == f"Member issued a certificate for Aurora for {SITE}"
    assert event["details"] == {"expiresAt": datetime.fromtimestamp(ends_at, UTC).isoformat()}


@pytest.mark.parametrize("seconds", [60, DAY, 366 * DAY])
async def test_a_certificate_holds_as_long_as_requested(
    world: World, themes: dict[str, str], seconds: int
) -> None:
    id = await provision(world, themes["aurora"])

    claims = await verified(world, await issue(world.member, id, seconds))

    assert claims["exp"] - claims["iat"] == seconds
    assert claims["expiresAt"] is None


@pytest.mark.parametrize("seconds", [-1, 0, 59, 366 * DAY + 1, 2**31 - 1])
async def test_no_shorter_and_no_longer_one(world: World, themes: dict[str, str], seconds: int) -> None:
    id = await provision(world, themes["aurora"])

    async with nothing_changes(world):
        payload = await world.member.change(ISSUE_CERTIFICATE, licenseId=id, lifetimeSeconds=seconds)
    assert user_error(payload) == ("INVALID", ["lifetimeSeconds"])
    assert "60 to 31622400 seconds" in payload["userErrors"][0]["message"]


async def test_a_certificate_does_not_outlive_its_license(world: World, themes: dict[str, str]) -> None:
    ends_at = datetime.now(UTC) + timedelta(days=3)
    id = await provision(world, themes["aurora"], expiresAt=ends_at.isoformat())

    claims = [await verified(world, await issue(world.member, id, days * DAY)) for days in (1, 30)]

    assert claims[0]["exp"] - claims[0]["iat"] == DAY
    assert claims[1]["exp"] == int(ends_at.timestamp())


@pytest.mark.parametrize("state", [state for state in STATES if state != "ACTIVE"])
async def test_only_an_active_license_is_certified(world: World, themes: dict[str, str], state: str) -> None:
    id = await in_state(world, themes["aurora"], state)

    async with nothing_changes(world):
        payload = await world.admin.change(ISSUE_CERTIFICATE, licenseId=id)
    assert user_error(payload) == ("NOT_ACTIVE", ["licenseId"])


async def test_the_two_kinds_of_tokens_are_told_apart(world: World, themes: dict[str, str]) -> None:
    """By their headers; and a certificate has no nonce, which the answer to a request has."""
    id = await provision(world, themes["aurora"])
    checked = (await verify(world, await key_of(world), SITE, nonce="n"))["token"]
    certificate = await issue(world.member, id)

    headers = [jwt.get_unverified_header(token) for token in (checked, certificate)]

    assert [header["typ"] for header in headers] == ["JWT", TYPE]
    assert headers[0]["kid"] == headers[1]["kid"]
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in (checked, certificate)]
    assert [claim.get("nonce") for claim in claims] == ["n", None]
    assert ["provisioned" in claim for claim in claims] == [False, True]


async def test_a_server_without_a_key_issues_none(world: World, themes: dict[str, str]) -> None:
    id = await provision(world, themes["aurora"])

    async with limited(world, license_signing_key=None) as (there, _), nothing_changes(world):
        payload = await there.member.change(ISSUE_CERTIFICATE, licenseId=id)

    assert user_error(payload) == ("INVALID", ["licenseId"])
    assert "LICENSE_SIGNING_KEY" in payload["userErrors"][0]["message"]


async def test_a_certificate_says_what_holds_when_it_is_issued(world: World, themes: dict[str, str]) -> None:
    """What happened to the license since: other events are no evidence of it."""
    id = await provision(world, themes["aurora"])
    first = await event_of(world, id)
    for change in ("prolong", "move", "rotate", "suspend", "reinstate", "transfer"):
        await make(world, id, change)

    claims = await verified(world, await issue(world.admin, id))

    assert claims["provisioned"] == first
    assert (claims["site"], claims["expiresAt"]) == ("moved.example.com", "2101-01-01T00:00:00Z")


async def test_it_holds_when_the_person_who_provisioned_is_erased(
    world: World, themes: dict[str, str]
) -> None:
    """The hash of an event stays when the names in it are erased."""
    person = await joined(world, "Ada", "ada@example.com", "MEMBER")
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": SITE}
    id = (await person.change(PROVISION_LICENSE, **input))["license"]["id"]
    before = await verified(world, await issue(person, id))
    await erased(world, person)

    certificate = await issue(world.admin, id)

    after = await verified(world, certificate)
    assert before["provisioned"] == after["provisioned"] == await event_of(world, id)
    (event,) = await world.events(targetId=id, actions=["LICENSE_PROVISIONED"])
    assert event["summary"] == f"Erased person provisioned Aurora for {SITE}"
    await chain.assert_whole(world.superuser)


async def test_without_the_event_there_is_no_evidence(
    world: World,
    themes: dict[str, str],
    owner: Database,  # noqa: F811
    tmp_path: Path,
) -> None:
    id = await provision(world, themes["aurora"])
    last = (await world.events())[0]["sequence"]
    await make(world, id, "rotate")
    await pruned(world, owner, tmp_path, last + 1)

    claims = await verified(world, await issue(world.admin, id))

    assert (claims["status"], claims["provisioned"]) == ("VALID", None)


async def test_a_revocation_crosses_a_certificate(world: World, themes: dict[str, str]) -> None:
    seen = Counter[tuple[str, ...]]()
    for number in range(6):
        id = await provision(world, themes["aurora"], f"s{number}.example.com")

        outcomes = await in_either_order(
            number,
            world.member.post(ISSUE_CERTIFICATE, input={"licenseId": id}),
            world.admin.post(REVOKE_LICENSE, input={"licenseId": id, "reason": "Closed."}),
        )

        seen[tuple(outcomes)] += 1
        done = [action for action in actions(await world.events()) if action != "LICENSE_PROVISIONED"]
        assert done[: sum(map(int, [outcome == "OK" for outcome in outcomes]))] in (
            ["LICENSE_REVOKED"],
            ["LICENSE_REVOKED", "LICENSE_CERTIFICATE_ISSUED"],
        )
    assert set(seen) <= {("OK", "OK"), ("NOT_ACTIVE", "OK")}
