from enum import StrEnum, auto
from typing import Self

from engine.enums import described_enum


@described_enum("Action that an audit event records.")
class AuditAction(StrEnum):
    """The table of audit actions. Each row has the name, the description, and

    - the phrase of a refused attempt in the log (`Ada tried to invite a person, which needs INVITE_MEMBERS`),
      or None if members cannot attempt the action;
    - the keys of `details` with personal data: names, addresses, networks and texts of people, which can be
      erased and withheld. Ids, roles, counts and prices are not personal. The key `input` of a refused
      attempt is personal in every action,
    - the other keys of `details`, besides `traceId`, which every event may have. An event with a key that
      is in neither is not appended.

    The API's enum, its descriptions, the database's CHECK and the events follow from it. A row that lacks a
    part fails at import.
    """

    _value_: str
    description: str
    personal: frozenset[str]
    details: frozenset[str]
    """All keys, personal or not."""
    _attempt: str | None

    def __new__(
        cls,
        name: str,
        description: str,
        attempt: str | None,
        personal: tuple[str, ...],
        others: tuple[str, ...],
    ) -> Self:
        if (
            not description
            or attempt == ""
            or not (isinstance(personal, tuple) and isinstance(others, tuple))
        ):
            raise TypeError(f"{name} has an empty description or phrase, or keys that are no tuple")
        action = str.__new__(cls, name)
        action._value_ = name
        action.description, action._attempt = description, attempt
        action.personal = frozenset({*personal, "input"})
        if not action.personal.isdisjoint(others):
            raise TypeError(f"{name} has a key that is personal and is not")
        action.details = action.personal.union(others, ("permission", "repeated", "traceId"))
        return action

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        """The value of `auto()`."""
        return name

    @property
    def attempt(self) -> str:
        """The phrase of a refused attempt. Raises `TypeError` if there is none."""
        if self._attempt is None:
            raise TypeError(f"{self} has no phrase for a refused attempt: add one to its row in AuditAction")
        return self._attempt

    ACCOUNT_CREATED = (auto(), "An account was created.", None, ("owner",), ("name",))
    ACCOUNT_UPDATED = (auto(), "An account was renamed.", "rename the account", (), ("name",))
    ACCOUNT_LIMITS_CHANGED = (
        auto(),
        "The limits of an account were changed.",
        "change the account's limits",
        (),
        ("maxActiveLicenses", "maxMonthlySpend"),
    )
    SECURITY_POLICY_CHANGED = (
        auto(),
        "The rules of an account about sessions and API keys were changed.",
        "change the security policy",
        (),
        ("maxSessionAgeSeconds", "apiKeyMaxLifetimeDays", "apiKeyRevokeUnusedAfterDays"),
    )
    OWNERSHIP_TRANSFERRED = (
        auto(),
        "Another member became the owner of the account.",
        "transfer the account's ownership",
        ("owner",),
        ("role",),
    )
    MEMBER_INVITED = (
        auto(),
        "A person was invited by email.",
        "invite a person",
        ("email",),
        ("role", "accessUntil"),
    )
    INVITATION_RESENT = (
        auto(),
        "An invitation was sent again with a new link.",
        "resend an invitation",
        (),
        ("emails",),
    )
    INVITATION_ROLE_CHANGED = (
        auto(),
        "An invitation received another role and was sent again with a new link.",
        "change the role of an invitation",
        (),
        ("role", "emails"),
    )
    INVITATION_REVOKED = (
        auto(),
        "An invitation was revoked by an Admin.",
        "revoke an invitation",
        (),
        ("status",),
    )
    INVITATION_DECLINED = (auto(), "An invitation was declined by its recipient.", None, (), ("status",))
    INVITATION_EXPIRED = (auto(), "An invitation expired before it was accepted.", None, (), ("status",))
    INVITATION_DELIVERY_FAILED = (
        auto(),
        "The mail server rejected the email of an invitation.",
        None,
        ("error",),
        (),
    )
    MEMBER_JOINED = (
        auto(),
        "A person accepted an invitation and became a member.",
        None,
        (),
        ("role", "accessUntil"),
    )
    MEMBER_RENAMED = (auto(), "A member changed its display name.", "change its display name", ("name",), ())
    MEMBER_ROLE_CHANGED = (auto(), "A member received another role.", "change a member's role", (), ("role",))
    MEMBER_REMOVED = (
        auto(),
        "A member was removed from the account.",
        "remove a member",
        ("licensesTo",),
        ("role", "licenses"),
    )
    MEMBER_LEFT = (
        auto(),
        "A member left the account.",
        "leave the account",
        ("licensesTo",),
        ("role", "licenses"),
    )
    LICENSES_PURCHASED = (
        auto(),
        "Licenses were purchased for the account.",
        "purchase licenses",
        (),
        ("items", "total", "currency"),
    )
    ENTITLEMENT_GRANTED = (
        auto(),
        "The platform's operator granted licenses without a purchase.",
        None,
        (),
        ("theme", "purchased"),
    )
    LICENSE_PROVISIONED = (
        auto(),
        "A license was provisioned for a site.",
        "provision a license",
        ("holder",),
        ("theme", "site"),
    )
    LICENSE_REVOKED = (
        auto(),
        "A license was revoked permanently.",
        "revoke a license",
        ("reason",),
        ("status",),
    )
    LICENSE_SUSPENDED = (
        auto(),
        "A license was suspended until it is reinstated.",
        "suspend a license",
        ("reason",),
        ("status",),
    )
    LICENSE_REINSTATED = (
        auto(),
        "A suspended license was made active again.",
        "reinstate a license",
        (),
        ("status",),
    )
    LICENSE_TRANSFERRED = (
        auto(),
        "A license received another holder.",
        "transfer a license",
        ("holder",),
        (),
    )
    LICENSE_EXPIRED = (auto(), "A license reached its expiry time.", None, (), ("status",))
    THEME_FILE_DOWNLOADED = (
        auto(),
        "A file of a theme was downloaded.",
        "download a theme's file",
        (),
        ("file", "theme", "site", "range", "parts", "bytes", "size", "complete"),
    )
    REPORT_DOWNLOADED = (
        auto(),
        "A report was downloaded.",
        "request a report",
        ("auditFilter",),
        ("kind", "format", "from", "until", "withhold", "range", "parts", "bytes", "size", "complete"),
    )
    INVOICE_DOWNLOADED = (
        auto(),
        "An invoice was downloaded.",
        "download an invoice",
        (),
        ("range", "parts", "bytes", "size", "complete"),
    )
    API_KEY_GENERATED = (
        auto(),
        "An API key was generated.",
        "generate an API key",
        ("member", "allowedNetworks"),
        ("scopes", "expiresAt", "prefix"),
    )
    API_KEY_CLAIMED = (auto(), "A member claimed its API key.", None, (), ("status", "prefix"))
    API_KEY_ROTATED = (
        auto(),
        "An API key received a new secret.",
        "rotate an API key",
        (),
        ("prefix", "overlapSeconds"),
    )
    API_KEY_UPDATED = (
        auto(),
        "An API key was renamed or narrowed.",
        "change an API key",
        ("member", "name", "allowedNetworks"),
        ("scopes", "expiresAt", "prefix"),
    )
    API_KEY_REVOKED = (
        auto(),
        "An API key was revoked.",
        "revoke an API key",
        ("member", "url", "source"),
        ("status", "prefix", "unusedDays"),
    )
    API_CALLED = (
        auto(),
        "A GraphQL request was made with an API key.",
        None,
        (),
        ("operation", "kind", "document", "status", "errorCodes", "durationMs", "cost"),
    )
    BILLING_DETAILS_CHANGED = (
        auto(),
        "The billing details of the account were changed.",
        "change the billing details",
        ("company", "email", "addressLines", "taxId"),
        ("country",),
    )
    INVOICE_ISSUED = (
        auto(),
        "An invoice was issued.",
        None,
        (),
        ("subtotal", "tax", "total", "currency", "dueAt"),
    )
    INVOICE_PAID = (auto(), "An invoice was recorded as paid.", None, (), ("status", "total", "currency"))
    INVOICE_VOIDED = (auto(), "An invoice was declared void.", None, (), ("status", "total", "currency"))
    API_KEY_EXPIRED = (
        auto(),
        "An API key reached its expiry time, or was not claimed in time.",
        None,
        ("member",),
        ("status", "prefix"),
    )
    AUDIT_LOG_PRUNED = (
        auto(),
        "The oldest events were deleted after their export. The event's details hold the hash of the last of"
        " them.",
        None,
        (),
        ("prunedThrough", "hash", "count", "exportSha256", "signature"),
    )
    AUDIT_STREAM_CREATED = (
        auto(),
        "An audit stream was created.",
        "create an audit stream",
        (),
        ("host", "actions", "afterSequence"),
    )
    AUDIT_STREAM_UPDATED = (
        auto(),
        "An audit stream was changed, paused or resumed.",
        "change an audit stream",
        (),
        ("host", "actions", "status", "previousSecretHours"),
    )
    AUDIT_STREAM_DELETED = (
        auto(),
        "An audit stream was deleted.",
        "delete an audit stream",
        (),
        ("host", "lastDeliveredSequence"),
    )
    AUDIT_STREAM_PAUSED = (
        auto(),
        "An audit stream was paused after repeated failures or ended by its receiver.",
        None,
        (),
        ("status", "failingSince", "error", "lastDeliveredSequence"),
    )
    MEMBER_SIGNED_IN = (auto(), "A member signed in, which began a session.", None, (), ("signedInAt",))
    MEMBER_SESSIONS_ENDED = (
        auto(),
        "The sessions of a member were ended for the account: the member must sign in again to use it.",
        "end a member's sessions",
        (),
        (),
    )
    PERSON_ERASED = (
        auto(),
        "The names, addresses and IP addresses of a person who had left the account were erased.",
        None,
        (),
        (),
    )
    MEMBER_LIMITS_CHANGED = (
        auto(),
        "The limits of a member were changed.",
        "change a member's limits",
        (),
        ("maxActiveLicenses", "themes"),
    )
    MEMBER_ACCESS_CHANGED = (
        auto(),
        "A membership's end was set.",
        "change the end of a member's access",
        (),
        ("accessUntil",),
    )
    MEMBER_ACCESS_ENDED = (
        auto(),
        "A membership reached its end.",
        None,
        ("licensesTo",),
        ("role", "licenses"),
    )
    LICENSE_EXPIRY_CHANGED = (
        auto(),
        "A license's expiry was changed.",
        "change the expiry of a license",
        (),
        ("expiresAt", "status"),
    )
    LICENSE_SITE_CHANGED = (
        auto(),
        "A license was moved to another site.",
        "change the site of a license",
        (),
        ("site",),
    )
    LICENSE_KEY_ROTATED = (auto(), "A license received a new key.", "rotate the key of a license", (), ())
    LICENSE_CERTIFICATE_ISSUED = (
        auto(),
        "A certificate was issued, with which a theme verifies its license without a network.",
        "issue a certificate of a license",
        (),
        ("expiresAt",),
    )
