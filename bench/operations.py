"""What is asked of every server, and how ours is to do beside the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    query: str
    wanted: dict[str, float]
    """Ours to each of the others, in requests a second: at least this."""
    is_change: bool = False


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
    is_change=True,
)
OPERATIONS = {each.name: each for each in (VIEWER, MEMBERS, LICENSES, AUDIT, NESTED, PROVISION)}
