"""Certificates of licenses: JSON Web Tokens with which a theme verifies its license without a network."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlmodel import col

from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit import AuditEvent, AuditOutcome
from models.audit_actions import AuditAction
from models.catalog import Theme
from models.columns import now
from models.licenses import License, LicenseStatus
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.global_ids import encode
from resolvers.licenses.checks import LicenseCheckStatus
from resolvers.licenses.inputs import IssueLicenseCertificateInput
from resolvers.licenses.lookups import find_license, license_name, live_license, not_active
from resolvers.licenses.signing import LicenseSigner, TokenType, time_text
from resolvers.results import mutation_result, shown
from resolvers.user_errors import invalid

_SHORTEST_SECONDS, _LONGEST_SECONDS = 60, 366 * 86_400
_DEFAULT_SECONDS = 30 * 86_400


@mutation_result
class IssueLicenseCertificateResult:
    """Payload of `issueLicenseCertificate`: the certificate and its end."""

    certificate: str = shown(
        "Certificate: a JSON Web Token of the type `license-certificate+jwt`, signed with Ed25519 by a key of"
        " `/.well-known/jwks.json`."
    )
    expires_at: datetime = shown("Time from which the certificate is no longer valid, in whole seconds.")


async def issue_license_certificate(
    context: Context, input: IssueLicenseCertificateInput
) -> IssueLicenseCertificateResult:
    """Certifies that the license is active. It is not stored, and nothing ends it before its time."""
    found = await find_license(context, input.license_id)
    async with change(context, found.account_id, AuditAction.LICENSE_CERTIFICATE_ISSUED, on=found) as tx:
        seconds = _lifetime(input.lifetime_seconds)
        license = await live_license(tx, found)
        if license.stored_status is LicenseStatus.SUSPENDED:
            raise not_active("This license is suspended: reinstate it first.")
        issued_at = int(now().timestamp())
        ends_at = issued_at + seconds
        if license.expires_at is not None:
            ends_at = min(ends_at, int(license.expires_at.timestamp()))
        claims = {**await _claims(tx, license), "iat": issued_at, "exp": ends_at}
        certificate = LicenseSigner(context.settings).token(claims, TokenType.CERTIFICATE)
        if certificate is None:
            message = "This server has no key for certificates: its operator sets LICENSE_SIGNING_KEY."
            raise invalid(message, "licenseId")
        expires_at = datetime.fromtimestamp(ends_at, UTC)
        name = await license_name(tx, license)
        tx.record(license, name, f"issued a certificate for {name}", expires_at=expires_at.isoformat())
    return IssueLicenseCertificateResult(certificate=certificate, expires_at=expires_at)


async def _claims(tx: Change, license: License) -> dict[str, object]:
    """Claims about the license. Where the answer to a check has the same member, it has the same form."""
    theme = await tx.get(Theme, license.theme_id)
    events = await tx.fetch(_PROVISIONED, account_id=tx.account.id, license_id=license.id)
    expires_at = license.expires_at
    return {
        "status": LicenseCheckStatus.VALID,
        "license": encode(License, license.id),
        "theme": theme.slug,
        "site": license.site,
        "expiresAt": expires_at and time_text(expires_at),
        "provisioned": {"sequence": events[0][0], "hash": events[0][1].hex()} if events else None,
    }


def _lifetime(seconds: int | None) -> int:
    if seconds is None:
        return _DEFAULT_SECONDS
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise invalid(
            f"A certificate can be valid for {_SHORTEST_SECONDS} to {_LONGEST_SECONDS} seconds (366 days).",
            "lifetimeSeconds",
        )
    return seconds


def _provisioned() -> AnySelect:
    """The event with which the license was provisioned. There is none if the log was pruned since."""
    return select(col(AuditEvent.sequence), col(AuditEvent.hash)).where(
        col(AuditEvent.account_id) == parameter("account_id"),
        col(AuditEvent.target_id) == parameter("license_id"),
        col(AuditEvent.action) == AuditAction.LICENSE_PROVISIONED,
        col(AuditEvent.outcome) == AuditOutcome.ALLOWED,
    )


_PROVISIONED = Statement(_provisioned)
