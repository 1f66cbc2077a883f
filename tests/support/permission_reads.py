"""Every read of data that needs a permission: each route to an object, times each of its guarded fields."""

from dataclasses import dataclass

OWN_ACTIVITY = "VIEW_OWN_ACTIVITY"


@dataclass(frozen=True)
class Route:
    """Route to an object. `%s` is the place of its selection; `needs` is the permission of the route."""

    at: str
    operation: str
    needs: str = ""


@dataclass(frozen=True)
class GuardedRead:
    permission: str
    at: str
    """Place of the guarded field in the answer, such as `account.members.nodes.0.email`."""
    operation: str
    needs: str = ""

    def __str__(self) -> str:
        return f"{self.permission} at {self.at}: {self.operation}"


_TO_ACCOUNT = (
    Route("account", "{ account { slug %s } }"),
    Route("account", '{ account(id: "<account>") { slug %s } }'),
    Route("node", '{ node(id: "<account>") { id ... on Account { %s } } }'),
    Route("nodes.0", '{ nodes(ids: ["<account>", "<me>"]) { id ... on Account { %s } } }', "VIEW_TEAM"),
    Route("viewer.memberships.0.account", "{ viewer { memberships { role account { %s } } } }"),
    Route("account.owner.account", "{ account { owner { account { %s } } } }"),
    Route("account.viewerMember.account", "{ account { viewerMember { account { %s } } } }"),
    Route(
        "account.members.nodes.0.account",
        "{ account { members(first: 1) { nodes { name account { %s } } } } }",
        "VIEW_TEAM",
    ),
    Route(
        "account.licenses.edges.0.node.account",
        "{ account { licenses(first: 1) { edges { cursor node { account { %s } } } } } }",
        "VIEW_ACTIVE_LICENSES",
    ),
    Route(
        "account.viewerMember.activity.nodes.0.actor.member.account",
        "{ account { viewerMember { activity(first: 1) { nodes {"
        " actor { member { account { %s } } } } } } } }",
        OWN_ACTIVITY,
    ),
    Route(
        "node.account",
        '{ node(id: "<invitation>") { ... on Invitation { account { %s } } } }',
        "INVITE_MEMBERS",
    ),
)
_TO_OWNER = (
    Route("account.owner", "{ account { owner { name %s } } }"),
    Route("node", '{ node(id: "<owner>") { id ... on Member { %s } } }', "VIEW_TEAM"),
    Route("nodes.1", '{ nodes(ids: ["<account>", "<owner>"]) { id ... on Member { %s } } }', "VIEW_TEAM"),
    Route("viewer.memberships.0.account.owner", "{ viewer { memberships { account { owner { %s } } } } }"),
    Route(
        "account.members.nodes.0",
        '{ account { members(filter: { search: "Admin" }) { totalCount nodes { name %s } } } }',
        "VIEW_TEAM",
    ),
    Route(
        "account.members.edges.0.node",
        "{ account { members(first: 1) { edges { cursor node { role %s } } } } }",
        "VIEW_TEAM",
    ),
    Route(
        "account.licenses.nodes.0.holder",
        "{ account { licenses(first: 1) { nodes { site holder { name %s } } } } }",
        "VIEW_ACTIVE_LICENSES",
    ),
    Route(
        "node.provisionedBy",
        '{ node(id: "<license>") { ... on License { site provisionedBy { name %s } } } }',
        "VIEW_ACTIVE_LICENSES",
    ),
    Route(
        "account.invitations.nodes.0.invitedBy",
        "{ account { invitations(first: 1) { nodes { invitedBy { %s } } } } }",
        "INVITE_MEMBERS",
    ),
    Route(
        "account.auditLog.nodes.0.actor.member",
        '{ account { auditLog(first: 1, filter: { actorIds: ["<owner>"] }) { nodes {'
        " actor { member { %s } } } } } }",
        "VIEW_AUDIT_LOG",
    ),
)
TO_MYSELF = (
    Route("account.viewerMember", "{ account { viewerMember { name %s } } }"),
    Route("viewer.memberships.0", "{ viewer { memberships { role %s } } }"),
    Route("node", '{ node(id: "<me>") { id ... on Member { %s } } }', "VIEW_TEAM"),
    Route("nodes.1", '{ nodes(ids: ["<account>", "<me>"]) { id ... on Member { %s } } }', "VIEW_TEAM"),
)
_TO_LICENSE = (
    Route("account.licenses.nodes.0", "{ account { licenses { totalCount nodes { site %s } } } }"),
    Route("account.licenses.edges.0.node", "{ account { licenses { edges { node { site %s } } } } }"),
    Route("account.owner.licenses.nodes.0", "{ account { owner { licenses { nodes { site %s } } } } }"),
    Route("node", '{ node(id: "<license>") { id ... on License { %s } } }'),
    Route("nodes.1", '{ nodes(ids: ["<account>", "<license>"]) { id ... on License { %s } } }'),
    Route(
        "viewer.memberships.0.account.licenses.nodes.0",
        "{ viewer { memberships { account { licenses(first: 1) { nodes { site %s } } } } } }",
    ),
)
_TO_LIMITS = (
    Route("account.limits", "{ account { limits { activeLicenses %s } } }"),
    Route("node.limits", '{ node(id: "<account>") { ... on Account { limits { %s } } } }'),
    Route(
        "account.members.nodes.0.account.limits",
        "{ account { members(first: 1) { nodes { account { limits { activeLicenses %s } } } } } }",
        "VIEW_TEAM",
    ),
)
_TO_BILLING = (
    Route("account.billing", "{ account { billing { outstanding { amount } %s } } }"),
    Route("node.billing", '{ node(id: "<account>") { ... on Account { billing { %s } } } }'),
)
_ACCOUNT_FIELDS = (
    ("VIEW_TEAM", "members(first: 2) { totalCount pageInfo { hasNextPage } nodes { name } }"),
    ("VIEW_TEAM", 'members(filter: { search: "Admin", includeRemoved: true }) { totalCount }'),
    ("VIEW_TEAM", "securityPolicy { __typename }"),
    ("INVITE_MEMBERS", "invitations(last: 1) { totalCount edges { cursor node { email } } }"),
    ("INVITE_MEMBERS", 'invitations(filter: { email: "waiting@example.com" }) { totalCount }'),
    ("VIEW_ACTIVE_LICENSES", "licenses(first: 2) { totalCount nodes { site } }"),
    ("VIEW_ACTIVE_LICENSES", "licenses(filter: { statuses: [REVOKED] }) { totalCount }"),
    ("VIEW_ACTIVE_LICENSES", "entitlements { totalCount nodes { available } }"),
    ("MANAGE_BILLING", "billing { outstanding { amount } details { currency } }"),
    ("MANAGE_BILLING", "billing { invoices(first: 1) { totalCount nodes { number lines { quantity } } } }"),
    ("PURCHASE_LICENSES", 'purchaseQuote(items: { themeId: "<theme>", quantity: 2 }) { total { amount } }'),
    ("MANAGE_ACCOUNT", "auditStreams(first: 1) { totalCount nodes { url status undeliveredEvents } }"),
    ("VIEW_AUDIT_LOG", "auditLog(first: 1) { totalCount nodes { summary details } }"),
    ("VIEW_AUDIT_LOG", 'auditLog(filter: { actorIds: ["<me>"] }) { totalCount }'),
    ("VIEW_AUDIT_LOG", "auditIntegrity { verified checkedEvents headHash }"),
)
_OWNER_FIELDS = (
    ("INVITE_MEMBERS", "email"),
    ("VIEW_AUDIT_LOG", "activity(first: 1) { totalCount nodes { summary } }"),
    ("VIEW_AUDIT_LOG", "activity(filter: { outcome: DENIED }) { totalCount }"),
    ("VIEW_ACTIVE_LICENSES", "licenses { totalCount nodes { site } }"),
    ("ASSIGN_ROLES", "limits { activeLicenses }"),
    ("REMOVE_MEMBERS", "offboarding { activeLicenses }"),
    ("REMOVE_MEMBERS", "offboarding { activeApiKeys { name } pendingInvitations { email } }"),
)
_OWN_FIELDS = (
    (OWN_ACTIVITY, "activity(first: 1) { totalCount nodes { summary } }"),
    (OWN_ACTIVITY, "activity(filter: { outcome: ALLOWED }) { totalCount }"),
)
FIELD_TABLES = {"Account": "_ACCOUNT_FIELDS", "Member": "_OWNER_FIELDS"}
"""Table above that has the guarded fields of a type. Fields of other types are in READS."""
NODES = (
    ("BROWSE_CATALOG", "Theme", "theme"),
    ("BROWSE_CATALOG", "ThemeRelease", "release"),
    ("BROWSE_CATALOG", "ThemeFile", "file"),
    ("VIEW_TEAM", "Member", "owner"),
    ("VIEW_ACTIVE_LICENSES", "License", "license"),
    ("VIEW_ACTIVE_LICENSES", "Entitlement", "entitlement"),
    ("INVITE_MEMBERS", "Invitation", "invitation"),
    ("MANAGE_BILLING", "Invoice", "invoice"),
    ("GENERATE_API_KEYS", "ApiKey", "api_key"),
    ("VIEW_AUDIT_LOG", "AuditEvent", "event"),
    ("MANAGE_ACCOUNT", "AuditStream", "audit_stream"),
    (OWN_ACTIVITY, "AuditEvent", "my_event"),
)
"""Permission, type and placeholder of the id of each guarded type that has an id."""


def _through(
    routes: tuple[Route, ...], fields: tuple[tuple[str, str], ...], needs: str = ""
) -> list[GuardedRead]:
    return [
        GuardedRead(
            permission, f"{route.at}.{name(selection)}", route.operation % selection, needs or route.needs
        )
        for route in routes
        for permission, selection in fields
    ]


def name(selection: str) -> str:
    return selection.replace("(", " ").split()[0]


def _by_id(permission: str, type_name: str, placeholder: str) -> list[GuardedRead]:
    selection = f"__typename id ... on {type_name} {{ id }}"
    one = f'{{ node(id: "<{placeholder}>") {{ {selection} }} }}'
    several = f'{{ nodes(ids: ["<account>", "<{placeholder}>"]) {{ {selection} }} }}'
    return [GuardedRead(permission, "node", one), GuardedRead(permission, "nodes.1", several)]


READS = [
    GuardedRead("BROWSE_CATALOG", "catalog", "{ account { slug } catalog { totalCount nodes { slug } } }"),
    GuardedRead(
        "BROWSE_CATALOG", "catalog", '{ catalog(filter: { search: "x" }, orderBy: PRICE) { totalCount } }'
    ),
    GuardedRead("BROWSE_CATALOG", "theme", '{ theme(slug: "aurora") { name releases { files { name } } } }'),
    *_through(_TO_ACCOUNT, _ACCOUNT_FIELDS),
    *_through(_TO_LIMITS, (("MANAGE_BILLING", "spentThisMonth { amount }"),)),
    *_through(
        _TO_BILLING, (("MANAGE_BILLING", "invoices { nodes { total { amount } } }"),), "MANAGE_BILLING"
    ),
    *_through(_TO_OWNER, _OWNER_FIELDS),
    *_through(TO_MYSELF, _OWN_FIELDS),
    *_through(_TO_LICENSE, (("REVOKE_LICENSES", "key"),), needs="VIEW_ACTIVE_LICENSES"),
    *(path for node in NODES for path in _by_id(*node)),
]
