"""Mutations of the API, and assertions about their outcomes."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.world import World


def mutation(name: str, selection: str) -> str:
    """Document of a mutation with its one argument `input`."""
    return f"""mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {selection}
      userErrors {{ code message path
        ... on LicenseLimitReached {{ limit used }} ... on RetryLater {{ retryAt }}
        ... on WrongEmail {{ invitedMaskedEmail signedInEmail }} }} }} }}"""


_ACCOUNT = (
    "account { id name slug owner { id role } limits { maxActiveLicenses maxMonthlySpend { amount } } }"
)
_INVITATION = "invitation { id email role status delivery deliveryError sentAt expiresAt message }"
_LICENSE = "license { id site status key expiresAt revokedReason revokedBy { id } holder { id } }"
_MONEY = "{ amount currency }"
INVOICE = f"""{{ id number status issuedAt dueAt paidAt taxRate purchasedBy {{ id }}
  subtotal {_MONEY} tax {_MONEY} total {_MONEY}
  lines {{ description quantity unitPrice {_MONEY} amount {_MONEY} theme {{ slug }} }} }}"""
DETAILS = "details { company email addressLines country taxId currency }"
_MEMBER = "member { id role isOwner removedAt name }"
_LIMITS = "member { limits { maxActiveLicenses activeLicenses themes { slug } } }"

CREATE_ACCOUNT = mutation("createAccount", _ACCOUNT)
UPDATE_ACCOUNT = mutation("updateAccount", _ACCOUNT)
SET_LIMITS = mutation("setAccountLimits", _ACCOUNT)
UPDATE_API_KEY = mutation("updateApiKey", "apiKey { name scopes expiresAt allowedNetworks }")
SET_SECURITY_POLICY = mutation(
    "setSecurityPolicy",
    "account { securityPolicy { maxSessionAgeSeconds apiKeyMaxLifetimeDays apiKeyRevokeUnusedAfterDays } }",
)
TRANSFER_OWNERSHIP = mutation("transferOwnership", _ACCOUNT)
INVITE_ONE = mutation("inviteMember", _INVITATION)
INVITE_MANY = mutation("inviteMembers", f"results {{ {_INVITATION} userErrors {{ code path }} }}")
RESEND = mutation("resendInvitation", _INVITATION)
CHANGE_INVITATION_ROLE = mutation("changeInvitationRole", _INVITATION)
REVOKE_INVITATION = mutation("revokeInvitation", _INVITATION)
DECLINE = mutation("declineInvitation", "invitation { status }")
CHANGE_ROLE = mutation("changeMemberRole", _MEMBER)
SET_MEMBER_LIMITS = mutation("setMemberLimits", _LIMITS)
SET_MEMBER_ACCESS = mutation("setMemberAccess", "member { id accessUntil }")
REMOVE = mutation("removeMember", _MEMBER)
END_SESSIONS = mutation("endMemberSessions", "member { id name }")
CHANGE_ROLES = mutation("changeMemberRoles", f"results {{ {_MEMBER} userErrors {{ code message path }} }}")
REMOVE_MANY = mutation("removeMembers", f"results {{ {_MEMBER} userErrors {{ code message path }} }}")
LEAVE = mutation("leaveAccount", _MEMBER)
PROVISION_LICENSE = mutation("provisionLicense", _LICENSE)
REVOKE_LICENSE = mutation("revokeLicense", _LICENSE)
PURCHASE = mutation(
    "purchaseLicenses", f"invoice {INVOICE} entitlements {{ id purchased provisioned theme {{ slug }} }}"
)
UPDATE_BILLING = mutation("updateBillingDetails", f"billing {{ {DETAILS} }}")
SUSPEND_LICENSE = mutation("suspendLicense", _LICENSE)
REINSTATE_LICENSE = mutation("reinstateLicense", _LICENSE)
TRANSFER_LICENSE = mutation("transferLicense", _LICENSE)
SET_LICENSE_EXPIRY = mutation("setLicenseExpiry", _LICENSE)
CHANGE_LICENSE_SITE = mutation("changeLicenseSite", _LICENSE)
ROTATE_LICENSE_KEY = mutation("rotateLicenseKey", _LICENSE)
ISSUE_CERTIFICATE = mutation("issueLicenseCertificate", "certificate expiresAt")
ROTATE_API_KEY = mutation("rotateApiKey", "apiKey { id prefix status } secret")
REVOKE_API_KEY = mutation("revokeApiKey", "apiKey { id status revokedAt revokedBy { id } }")
ERASE_VIEWER = mutation("eraseViewer", "")
REVOKE_SESSION = mutation("revokeSession", "session { id }")
REVOKE_OTHER_SESSIONS = "mutation { revokeOtherSessions { revoked userErrors { code message path } } }"
UPDATE_PROFILE = mutation("updateProfile", "user { name }")
REQUEST_PERSONAL_DATA = """mutation { requestPersonalData {
  download { url fileName mediaType size expiresAt } userErrors { code } } }"""


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def user_error(payload: dict[str, Any]) -> tuple[str, list[str]]:
    """Code and path of the only error. There must be no result."""
    (error,) = payload["userErrors"]
    assert not any(value for name, value in payload.items() if name != "userErrors"), payload
    assert error["message"]
    return error["code"], error["path"]


def actions(events: Iterable[dict[str, Any]]) -> list[str]:
    """Actions of the events, in the order given."""
    return [event["action"] for event in events if event["outcome"] == "ALLOWED"]


@asynccontextmanager
async def nothing_changes(world: World, denied: int = 0) -> AsyncIterator[None]:
    """Asserts that the block writes no row, email or event, except the given number of DENIED events."""
    rows, events = await world.rows(), await _events(world)
    yield
    assert await world.rows() == rows
    new = (await _events(world))[len(events) :]
    assert [outcome for outcome, _ in new] == ["DENIED"] * denied, new


async def _events(world: World) -> list[tuple[str, str]]:
    rows = await world.superuser.fetch(
        "SELECT outcome, summary FROM audit_events ORDER BY occurred_at, sequence"
    )
    return [(row["outcome"], row["summary"]) for row in rows]
