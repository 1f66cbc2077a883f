"""Operations that are measured, and the required ratios to the other servers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.data import ACCOUNTS, THEME_IDS, license_checks


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    query: str
    wanted: dict[str, float]
    """Required ratio of requests per second to those of each other server."""
    input: Callable[[str], dict[str, Any]] = lambda site: {}
    """Input of a change besides the account, for a site that has no license yet."""
    action: str = ""
    """Action of the event of each change. The events are counted."""
    accounts: int = ACCOUNTS
    """Number of accounts that are changed, in turn."""
    path: str = ""
    """Path of an endpoint without GraphQL, which takes `bodies`. Only ours and the floor have it."""
    bodies: Callable[[], list[dict[str, Any]]] = list
    """Bodies of the requests, sent in turn."""

    @property
    def is_change(self) -> bool:
        return bool(self.action)


VIEWER = Operation(
    "viewer",
    "{ viewer { user { name } memberships { role account { name } } } }",
    {"floor": 0.6, "mercurius": 1, "ordinary": 10},
)
MEMBERS = Operation(
    "members",
    """{ account { members(first: 50) {
        nodes { id name email role isOwner joinedAt lastActiveAt }
        pageInfo { hasNextPage endCursor } } } }""",
    {"floor": 0.7, "mercurius": 2, "ordinary": 25},
)
LICENSES = Operation(
    "licenses",
    """{ account { licenses(first: 50) {
        nodes { id site status key provisionedAt expiresAt theme { id slug name } holder { id name } }
        pageInfo { hasNextPage endCursor } } } }""",
    {"floor": 0.7, "mercurius": 2, "ordinary": 25},
)
AUDIT = Operation(
    "audit",
    """{ account { auditLog(first: 100) {
        nodes { id sequence occurredAt action outcome summary targetType targetName ip userAgent requestId
            details actor { kind name member { id role } } }
        pageInfo { hasNextPage endCursor } } } }""",
    {"floor": 0.8, "mercurius": 2, "ordinary": 20},
)
NESTED = Operation(
    "nested",
    """{ account { licenses(first: 20) { nodes { id site status holder { id name
        activity(first: 5) { nodes { id sequence occurredAt action summary } } } } } } }""",
    {"floor": 0.8, "mercurius": 2, "ordinary": 20},
)
PROVISION = Operation(
    "provision",
    """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
        license { id site status theme { name } holder { name } } userErrors { code message path } } }""",
    {"pgbench": 0.5},
    lambda site: {"themeId": THEME_IDS[0], "site": site},
    "LICENSE_PROVISIONED",
)
PURCHASE = Operation(
    "purchase",
    """mutation ($input: PurchaseLicensesInput!) { purchaseLicenses(input: $input) {
        invoice { id number status dueAt total { amount currency } }
        entitlements { id purchased available theme { name } } userErrors { code message path } } }""",
    {"pgbench": 0.5},
    lambda site: {"items": [{"themeId": theme_id, "quantity": 1} for theme_id in THEME_IDS[:2]]},
    "LICENSES_PURCHASED",
)
VERIFY = Operation("verify", "", {"floor": 0.6}, path="/licenses/verify", bodies=license_checks)
_ON_ONE_ACCOUNT = [
    replace(each, name=f"{each.name}-one", wanted={"pgbench": 0.7}, accounts=1)
    for each in (PROVISION, PURCHASE)
]
OPERATIONS = {
    each.name: each
    for each in (VIEWER, MEMBERS, LICENSES, AUDIT, NESTED, VERIFY, PROVISION, PURCHASE, *_ON_ONE_ACCOUNT)
}
