"""The enums that clients see, with what each value means."""

from models.api_keys import ApiKeyStatus, ApiScope
from models.audit import ActorKind, AuditAction, AuditOutcome, CredentialKind
from models.audit_streams import AuditStreamStatus
from models.billing import InvoiceStatus
from models.invitations import DeliveryStatus, InvitationStatus
from models.licenses import LicenseStatus
from models.members import Role
from permissions.roles import Permission
from resolvers.catalog.queries import ThemeOrder
from resolvers.licenses.mutations import LicenseOrder
from resolvers.members.mutations import MemberOrder
from resolvers.reports.queries import ReportFormat, ReportKind
from resolvers.user_errors import UserErrorCode
from schema.fields import described

described(
    Role,
    "What a member may do in an account. Roles are cumulative.",
    """
    ADMIN Full access: the team, billing, keys, licenses and the whole audit log.
    MEMBER Provisions licenses within the account's limits, downloads, uses the API.
    VIEWER Looks on: the catalog, the team, active licenses and their report.
    """,
)
described(
    Permission,
    "One thing that a role allows.",
    """
    BROWSE_CATALOG See the themes on offer.
    VIEW_ACTIVE_LICENSES See the account's licenses and entitlements, but not their keys.
    DOWNLOAD_REPORTS Download the report of active licenses.
    VIEW_TEAM See the members' names and roles, but not their email addresses.
    PROVISION_LICENSES Provision a license within the account's entitlements and limits.
    DOWNLOAD_THEME_FILES Download the files of a theme that the account holds an active license of.
    VIEW_OWN_ACTIVITY See one's own part of the audit log.
    ACCESS_API Use an API key.
    PURCHASE_LICENSES Buy entitlements.
    REVOKE_LICENSES Revoke, suspend, reinstate and transfer licenses.
    MANAGE_BILLING See and change billing details and invoices.
    INVITE_MEMBERS Invite people; resend, revoke and list invitations.
    REMOVE_MEMBERS Remove a member.
    ASSIGN_ROLES Change a member's role.
    GENERATE_API_KEYS Generate keys, for oneself or for another member.
    VIEW_AUDIT_LOG See and export the full audit log.
    MANAGE_ACCOUNT Rename the account and set its limits.
    """,
)
described(
    InvitationStatus,
    "What became of an invitation.",
    """
    PENDING Its link waits for the click.
    ACCEPTED The person joined.
    DECLINED The person said no.
    REVOKED An Admin withdrew it.
    EXPIRED Nobody clicked in time.
    """,
)
described(
    DeliveryStatus,
    "Where an email is.",
    """
    QUEUED On its way, or tried again: the error tells why.
    SENT The mail server took it.
    FAILED The mail server refused it for good: the error has its words.
    """,
)
described(
    LicenseStatus,
    "Whether a license may be used.",
    """
    ACTIVE It may be used.
    SUSPENDED Not for now; it still takes up its entitlement.
    REVOKED Never again; its entitlement is free.
    EXPIRED Its time is over; its entitlement is free.
    """,
)
described(
    ApiKeyStatus,
    "Whether an API key works.",
    """
    UNCLAIMED Its member has not taken it yet.
    ACTIVE It works.
    EXPIRED Its time is over.
    REVOKED Never again.
    """,
)
described(
    ApiScope,
    "What an API key is for.",
    """
    READ To read what its member may read.
    PROVISION To provision licenses.
    """,
)
described(
    InvoiceStatus,
    "Whether an invoice is paid.",
    """
    OPEN It is to be paid.
    PAID It is paid.
    VOID It is not to be paid, and does not count as spent.
    """,
)
described(
    ThemeOrder,
    "The orders of the catalog.",
    """
    NAME From A to Z.
    NEWEST The newest first.
    PRICE The cheapest first.
    """,
)
described(
    MemberOrder,
    "The orders of a team.",
    """
    JOINED Who joined first comes first.
    NAME From A to Z.
    LAST_ACTIVE Who was active last comes first.
    """,
)
described(
    LicenseOrder,
    "The orders of licenses.",
    """
    NEWEST The newest first.
    OLDEST The oldest first.
    SITE By host name.
    """,
)
described(
    AuditStreamStatus,
    "Whether a webhook for audit events sends them.",
    """
    ACTIVE They are sent, or tried again.
    PAUSED An Admin paused it, or it failed for 3 days. It resumes where it stands.
    ENDED Its receiver answered 410 Gone: it wants nothing any more at this URL.
    """,
)
described(
    AuditOutcome,
    "Whether it was done.",
    """
    ALLOWED It was done.
    DENIED The role did not allow it, and nothing was changed.
    """,
)
described(
    ActorKind,
    "What acted.",
    """
    MEMBER A person.
    SYSTEM The platform, or whoever operates it.
    """,
)
described(
    CredentialKind,
    "How the actor proved who it is.",
    """
    SESSION Signed in.
    API_KEY With an API key.
    INVITATION With an invitation's link.
    OPERATOR At the platform's own command line.
    """,
)
described(
    UserErrorCode,
    "What a person can mend.",
    """
    INVALID The value is not of the right form.
    NOT_FOUND There is no such thing, or none that the viewer may know of.
    ALREADY_MEMBER The person is a member already.
    ALREADY_INVITED The person is invited already.
    INVITATION_EXPIRED The invitation's time is over.
    INVITATION_REVOKED The invitation was withdrawn.
    INVITATION_ALREADY_USED The invitation was accepted already.
    WRONG_EMAIL The invitation is for somebody else than who is signed in.
    OWNER_PROTECTED The owner is always an Admin and never removed.
    LICENSE_LIMIT_REACHED Nothing is left of what was bought, or of the account's limit.
    SPEND_LIMIT_REACHED The account's monthly spend would be above its limit.
    NOT_ACTIVE It has ended, so this cannot be done with it.
    ROLE_WITHOUT_API_ACCESS The member's role may not use the API.
    TOKEN_INVALID The link or token is not valid, or not any more.
    TOO_MANY_REQUESTS Too often: try again later.
    IDEMPOTENCY_CONFLICT The idempotency key was used with another input.
    """,
)
described(
    AuditAction,
    "What was done, or tried.",
    """
    ACCOUNT_CREATED An account was created.
    ACCOUNT_UPDATED An account was renamed.
    ACCOUNT_LIMITS_CHANGED An account's limits were changed.
    OWNERSHIP_TRANSFERRED Another member became the owner.
    MEMBER_INVITED Somebody was invited.
    INVITATION_RESENT An invitation was sent again, with a new link.
    INVITATION_REVOKED An invitation was withdrawn.
    INVITATION_DECLINED Who was invited said no.
    INVITATION_EXPIRED Nobody clicked an invitation's link in time.
    INVITATION_DELIVERY_FAILED The mail server refused an invitation's email.
    MEMBER_JOINED Who was invited joined.
    MEMBER_RENAMED A member changed its name.
    MEMBER_ROLE_CHANGED A member got another role.
    MEMBER_REMOVED A member was removed.
    MEMBER_LEFT A member left.
    LICENSES_PURCHASED Licenses were bought.
    ENTITLEMENT_GRANTED The operator granted licenses.
    LICENSE_PROVISIONED A license was provisioned for a site.
    LICENSE_REVOKED A license was revoked.
    LICENSE_SUSPENDED A license was suspended.
    LICENSE_REINSTATED A suspended license was reinstated.
    LICENSE_TRANSFERRED A license got another holder.
    LICENSE_EXPIRED A license's time was over.
    THEME_FILE_DOWNLOADED A theme's file was downloaded.
    REPORT_DOWNLOADED A report was downloaded.
    INVOICE_DOWNLOADED An invoice was downloaded.
    API_KEY_GENERATED An API key was generated.
    API_KEY_CLAIMED A member claimed its API key.
    API_KEY_ROTATED An API key got a new secret.
    API_KEY_REVOKED An API key was revoked.
    API_CALLED A GraphQL request was made with an API key.
    BILLING_DETAILS_CHANGED The billing details were changed.
    INVOICE_ISSUED An invoice was issued.
    INVOICE_PAID An invoice was paid.
    INVOICE_VOIDED An invoice was voided.
    API_KEY_EXPIRED An API key's time was over, or nobody claimed it in time.
    AUDIT_LOG_PRUNED The oldest events were exported and dropped; this one vouches for them.
    AUDIT_STREAM_CREATED A webhook for audit events was set up.
    AUDIT_STREAM_UPDATED A webhook for audit events was changed, paused or resumed.
    AUDIT_STREAM_DELETED A webhook for audit events was taken away.
    AUDIT_STREAM_PAUSED A webhook for audit events failed for too long, or its receiver ended it.
    """,
)
described(
    ReportKind,
    "What a report is of.",
    """
    ACTIVE_LICENSES The licenses that may be used; a period is that of their provisioning.
    LICENSE_ACTIVITY What was done with licenses and files: by all, for Admins; by oneself, for Members.
    TEAM The members, also those who left; a period is that of their joining.
    INVOICES The invoices, by when they were issued.
    AUDIT_LOG The audit log with its hashes, so that it can be verified elsewhere.
    """,
)
described(
    ReportFormat,
    "As what kind of file.",
    """
    CSV For spreadsheets: UTF-8. A cell that looks like a formula begins with an apostrophe.
    NDJSON For programs: a JSON object a line.
    PDF For people, up to 5,000 rows.
    """,
)
