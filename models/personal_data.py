"""Registry of personal data: for each column of the database, whether it holds data about a person.

`tests/checks/test_personal_data.py` fails for a column that has no entry. Columns of the types in
`TYPES_WITHOUT_TEXT`, and columns with the values of an enum, need none: ids, times, numbers and states say
nothing about a person by themselves. The document shows those of the rows of a person all the same, except
those in `NOT_SHOWN_COLUMNS`. An erasure empties the personal columns, except those in `KEPT_COLUMNS`.
`REFERENCES` lists the ids by which the rows of a person are found.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Included:
    """Personal data that the person's document contains: `section.field`, once for each section."""

    fields: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """Personal data that the person's document does not contain, and the reason."""

    reason: str


def _at(*fields: str) -> Included:
    return Included(fields)


_COPY = LeftOut("form of another column of the row, for searching and sorting")
_SECRET = "SHA-256 of a random secret"  # noqa: S105
_RANDOM = "id that the server generates for a request"
_CODE = "code of a currency or a kind, chosen from a list"
_THEME = "text of a theme, which belongs to the platform"
_LIST = "values of an enum"
_PROOF = "random bytes or a hash, from which the hash of an event is computed"
_ENDPOINT = "endpoint of the account's own system, and its last error"
_ERASED_SOON = LeftOut("what is looked for while the person is erased, who cannot sign in any more")
_ERASED = "an erased person has no session, and so no document"
_QUEUE = "name of a kind of job, or a state of the job queue"

PERSONAL_COLUMNS: Mapping[str, Mapping[str, Included | LeftOut]] = {
    "users": {"email": _at("user.email"), "name": _at("user.name")},
    "sessions": {"ip": _at("sessions.ip"), "user_agent": _at("sessions.userAgent")},
    "sign_in_links": {"email": _at("signInLinks.email")},
    "members": {
        "name": _at("memberships.name"),
        "email": _at("memberships.email"),
        "name_key": _COPY,
        "name_folded": _COPY,
        "email_folded": _COPY,
    },
    "invitations": {
        "email": _at("invitationsReceived.email", "invitationsSent.email"),
        "message": _at("invitationsReceived.message", "invitationsSent.message"),
        "delivery_error": _at("invitationsReceived.deliveryError", "invitationsSent.deliveryError"),
    },
    "api_keys": {
        "name": _at("apiKeys.name"),
        "allowed_networks": _at("apiKeys.allowedNetworks"),
        "last_used_ip": _at("apiKeys.lastUsedIp"),
    },
    "licenses": {"revoked_reason": _at("licenses.revokedReason")},
    "billing_details": {
        "company": _at("billingDetails.company"),
        "email": _at("billingDetails.email"),
        "address_lines": _at("billingDetails.addressLines"),
        "country": _at("billingDetails.country"),
        "tax_id": _at("billingDetails.taxId"),
    },
    "invoices": {"billed_to": _at("invoices.billedTo")},
    "download_links": {
        "credential_label": _at("downloadLinks.credentialLabel"),
        "subject": _at("downloadLinks.subject"),
    },
    "transfers": {
        "ip": _at("transfers.ip"),
        "user_agent": _at("transfers.userAgent"),
        "facts": _at("transfers.facts"),
    },
    "pgqueuer": {
        "payload": _at("queuedEmails.to", "queuedEmails.subject"),
        "headers": LeftOut("network of the client that requested a sign-in email: anybody can request one"),
    },
    "erasures": {"email": _ERASED_SOON, "names": _ERASED_SOON},
    "limit_buckets": {"subject": _at("limitBuckets.subject")},
    "idempotency_keys": {
        "key": _at("idempotencyAnswers.key"),
        "answer": _at("idempotencyAnswers.answer"),
    },
    "audit_events": {
        "summary": _at("auditEvents.summary", "auditEventsByOthers.summary"),
        "summary_folded": _COPY,
        "actor_name": _at("auditEvents.actorName", "auditEventsByOthers.actorName"),
        "credential_label": _at("auditEvents.credentialLabel"),
        "target_name": _at("auditEvents.targetName", "auditEventsByOthers.targetName"),
        "ip": _at("auditEvents.ip"),
        "user_agent": _at("auditEvents.userAgent"),
        "personal_details": _at("auditEvents.details", "auditEventsByOthers.personalDetails"),
    },
}
"""Columns that can hold a name, an address or another text about a person."""

KEPT_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "billing_details": {
        "country": "country of the account, which the tax of its next invoices follows",
        "tax_id": "VAT id of the account, which the tax of its next invoices follows",
    },
    "transfers": {"facts": "data of the event at the end of the download, which deletes the row"},
    "invoices": {"billed_to": "tax law requires an issued invoice to be kept as it is"},
}
"""Personal columns that keep their values when a person is erased, and why. Each other one is erased in
`resolvers/people/`, which `tests/people/test_erasure_is_complete.py` tries."""

REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sessions": {"user_id": ("sessions",)},
    "unrecorded_sign_ins": {"session_id": ("unrecordedSignIns",)},
    "erasures": {"user_id": ("user",)},
    "members": {"user_id": ("memberships",)},
    "member_limits": {"member_id": ("memberships",)},
    "invitations": {"invited_by_id": ("invitationsSent",), "accepted_by_id": ("invitationsReceived",)},
    "api_keys": {"member_id": ("apiKeys",), "created_by_id": ("apiKeys",), "revoked_by_id": ("apiKeys",)},
    "licenses": {
        "holder_id": ("licenses",),
        "provisioned_by_id": ("licenses",),
        "revoked_by_id": ("licenses",),
    },
    "audit_streams": {"created_by_id": ("auditStreams",)},
    "invoices": {"purchased_by_id": ("invoices",)},
    "download_links": {
        "member_id": ("downloadLinks", "transfers"),
        "user_id": ("downloadLinks", "transfers"),
    },
    "idempotency_keys": {"actor_id": ("idempotencyAnswers",)},
    "audit_events": {
        "actor_member_id": ("auditEvents",),
        "target_id": ("auditEventsByOthers",),
        "named_ids": ("auditEventsByOthers",),
    },
}
"""Columns with the id of a person, member or session, and the sections of the document that contain the rows
found by it. Each foreign key to `users` and `members` has an entry."""

NOT_PERSONAL_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "accounts": {"name": "name of a company", "slug": "name of a company", "currency": _CODE},
    "sessions": {"token_hash": _SECRET},
    "unrecorded_sign_ins": {"request_id": _RANDOM},
    "sign_in_links": {"token_hash": _SECRET, "requested_by": _SECRET},
    "invitations": {"token_hash": _SECRET},
    "api_keys": {
        "prefix": "first characters of a random secret",
        "key_hash": _SECRET,
        "claim_hash": _SECRET,
        "previous_key_hash": _SECRET,
        "scopes": _LIST,
    },
    "licenses": {
        "site": "website on which the account uses a theme",
        "site_folded": "form of `site` for searching",
        "key": "random key of the account's license",
        "last_verified_site": "website on which the account uses a theme",
        "installed_version": "version of a theme",
    },
    "invoices": {"currency": _CODE},
    "invoice_lines": {"description": _THEME, "currency": _CODE},
    "download_links": {"token_hash": _SECRET},
    "transfers": {"token_hash": _SECRET, "request_id": _RANDOM},
    "pgqueuer": {"entrypoint": _QUEUE, "dedupe_key": _QUEUE},
    "idempotency_keys": {"input_hash": "SHA-256 of an input, to compare it with a repeated one"},
    "audit_heads": {"hash": _PROOF},
    "audit_cuts": {"hash": _PROOF},
    "audit_verifications": {"verified_hash": _PROOF, "walked_hash": _PROOF},
    "audit_events": {
        "target_type": "name of a type of the API",
        "request_id": _RANDOM,
        "named_fields": "names of fields",
        "details": "the part of the details that the action does not declare personal",
        "salt": _PROOF,
        "field_salts": _PROOF,
        "commitments": _PROOF,
        "previous_hash": _PROOF,
        "hash": _PROOF,
    },
    "audit_streams": {
        "url": _ENDPOINT,
        "last_error": _ENDPOINT,
        "secret": "secret of the account's audit stream",
        "previous_secrets": "secrets of the account's audit stream",
        "actions": _LIST,
    },
}
"""Columns that hold no personal data, and why."""

NOT_SHOWN_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "users": {"erased_at": _ERASED},
    "members": {"access_reminder_at": "when a job sends the next reminder of an end that the document has"},
    "erasures": {"by_operator": _ERASED, "requested_at": _ERASED, "erased_at": _ERASED},
    "member_limits": {"account_id": "the membership of the row has it"},
    "licenses": {
        "theme_id": "the document has the name of the theme",
        "expiry_reminder_at": "when a job sends the next reminder of an expiry that the document has",
    },
    "api_keys": {
        "expired_at": "when a job recorded an expiry, of which the document has the time",
        "unused_notified_at": "when a job sent an email to the member",
    },
    "audit_streams": dict.fromkeys(
        (
            *("status", "last_delivered_sequence", "last_delivered_at", "batch_sequence", "failing_since"),
            *("attempts", "last_attempt_at", "next_attempt_at", "lease_id", "leased_until"),
            "previous_secrets_expire_at",
        ),
        "state of the account's audit stream",
    ),
    "transfers": {"id": "id that only the process of the transfer uses"},
    "idempotency_keys": {"credential_id": "id of a session or API key, to recognise its own repetition"},
    "audit_events": {"version": "version of the format that was hashed"},
}
"""Ids, times, numbers and states of tables with rows of persons that the document of a person leaves out, and
why. Each other one is in it."""

NOT_PERSONAL_TABLES: Mapping[str, str] = {
    "alembic_version": "revision of the database's schema",
    "entitlements": "numbers of licenses of an account",
    "former_license_keys": "hashes of random keys of an account's licenses",
    "pgqueuer_log": "states of jobs; the text of an email is never logged",
    "pgqueuer_schedules": "times of the jobs that run by the clock",
    "pgqueuer_statistics": "numbers of jobs",
    "theme_files": _THEME,
    "theme_releases": _THEME,
    "themes": _THEME,
}
"""Tables without personal data and without ids of people."""

TYPES_WITHOUT_TEXT = frozenset(
    {
        *("uuid", "_uuid", "bool", "int2", "int4", "int8", "numeric"),
        *("date", "timestamptz", "pgqueuer_status"),
    }
)
"""PostgreSQL's names of the types whose values say nothing about a person by themselves."""
