"""Every mutation that needs a permission, with a valid input."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    permission: str
    name: str
    input: dict[str, Any]
    payload: str
    action: str
    attempt: str
    """Phrase in the log for a refused attempt."""
    target: str = "account"
    """Target of the event of a refused attempt."""
    owner_only: bool = False
    which: str = ""
    """End of the summary of a refused attempt that no permission would have allowed."""

    @property
    def operation(self) -> str:
        input_type = self.name[0].upper() + self.name[1:] + "Input"
        return (
            f"mutation ($input: {input_type}!) {{ {self.name}(input: $input)"
            f" {{ {self.payload} userErrors {{ code message }} }} }}"
        )


# In an order in which one person can make all of them.
CHANGES = [
    Change(
        "MANAGE_ACCOUNT",
        "updateAccount",
        {"accountId": "<account>", "name": "Apex"},
        "account { name }",
        "ACCOUNT_UPDATED",
        "rename the account",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "setAccountLimits",
        {"accountId": "<account>", "maxActiveLicenses": 7},
        "account { limits { maxActiveLicenses } }",
        "ACCOUNT_LIMITS_CHANGED",
        "change the account's limits",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "setSecurityPolicy",
        {"accountId": "<account>", "maxSessionAgeSeconds": 31_536_000},
        "account { securityPolicy { maxSessionAgeSeconds } }",
        "SECURITY_POLICY_CHANGED",
        "change the security policy",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "transferOwnership",
        {"accountId": "<account>", "memberId": "<bystander>"},
        "account { owner { id } }",
        "OWNERSHIP_TRANSFERRED",
        "transfer the account's ownership",
        target="bystander",
        owner_only=True,
    ),
    Change(
        "INVITE_MEMBERS",
        "inviteMember",
        {"accountId": "<account>", "email": "new@example.com", "role": "ADMIN", "idempotencyKey": "k"},
        "invitation { id }",
        "MEMBER_INVITED",
        "invite a person",
    ),
    Change(
        "INVITE_MEMBERS",
        "inviteMembers",
        {"accountId": "<account>", "invitations": [{"email": "newer@example.com", "role": "VIEWER"}]},
        "results { invitation { id } }",
        "MEMBER_INVITED",
        "invite a person",
    ),
    Change(
        "INVITE_MEMBERS",
        "resendInvitation",
        {"invitationId": "<invitation>"},
        "invitation { id }",
        "INVITATION_RESENT",
        "resend an invitation",
        target="invitation",
    ),
    Change(
        "INVITE_MEMBERS",
        "changeInvitationRole",
        {"invitationId": "<invitation>", "role": "ADMIN"},
        "invitation { role }",
        "INVITATION_ROLE_CHANGED",
        "change the role of an invitation",
        target="invitation",
    ),
    Change(
        "INVITE_MEMBERS",
        "revokeInvitation",
        {"invitationId": "<invitation>"},
        "invitation { id }",
        "INVITATION_REVOKED",
        "revoke an invitation",
        target="invitation",
    ),
    Change(
        "ASSIGN_ROLES",
        "changeMemberRole",
        {"memberId": "<bystander>", "role": "ADMIN"},
        "member { role }",
        "MEMBER_ROLE_CHANGED",
        "change a member's role",
        target="bystander",
    ),
    Change(
        "ASSIGN_ROLES",
        "setMemberLimits",
        {"memberId": "<bystander>", "maxActiveLicenses": 2, "themeIds": ["<theme>"]},
        "member { limits { maxActiveLicenses activeLicenses themes { slug } } }",
        "MEMBER_LIMITS_CHANGED",
        "change a member's limits",
        target="bystander",
    ),
    Change(
        "ASSIGN_ROLES",
        "setMemberAccess",
        {"memberId": "<bystander>", "until": "2100-01-01T00:00:00.000000Z"},
        "member { accessUntil }",
        "MEMBER_ACCESS_CHANGED",
        "change the end of a member's access",
        target="bystander",
    ),
    Change(
        "REMOVE_MEMBERS",
        "endMemberSessions",
        {"memberId": "<bystander>"},
        "member { name }",
        "MEMBER_SESSIONS_ENDED",
        "end a member's sessions",
        target="bystander",
    ),
    Change(
        "ASSIGN_ROLES",
        "changeMemberRoles",
        {"accountId": "<account>", "members": [{"memberId": "<bystander>", "role": "MEMBER"}]},
        "results { member { role } }",
        "MEMBER_ROLE_CHANGED",
        "change a member's role",
    ),
    Change(
        "REMOVE_MEMBERS",
        "removeMember",
        {"memberId": "<bystander>"},
        "member { removedAt }",
        "MEMBER_REMOVED",
        "remove a member",
        target="bystander",
    ),
    Change(
        "PURCHASE_LICENSES",
        "purchaseLicenses",
        {
            "accountId": "<account>",
            "items": [{"themeId": "<theme>", "quantity": 2}],
            "idempotencyKey": "p",
        },
        "invoice { number lines { amount { amount } } } entitlements { purchased }",
        "LICENSES_PURCHASED",
        "purchase licenses",
    ),
    Change(
        "MANAGE_BILLING",
        "updateBillingDetails",
        {"accountId": "<account>", "country": "FR", "addressLines": ["1, rue Neuve"]},
        "billing { details { country addressLines } outstanding { amount } }",
        "BILLING_DETAILS_CHANGED",
        "change the billing details",
    ),
    Change(
        "PROVISION_LICENSES",
        "provisionLicense",
        {"accountId": "<account>", "themeId": "<theme>", "site": "<role>.example.com", "idempotencyKey": "l"},
        "license { id }",
        "LICENSE_PROVISIONED",
        "provision a license",
    ),
    Change(
        "DOWNLOAD_THEME_FILES",
        "requestThemeDownload",
        {"licenseId": "<license>", "fileId": "<file>"},
        "download { fileName }",
        "THEME_FILE_DOWNLOADED",
        "download a theme's file",
        target="license",
    ),
    Change(
        "DOWNLOAD_REPORTS",
        "requestReport",
        {"accountId": "<account>", "kind": "ACTIVE_LICENSES", "format": "CSV"},
        "download { mediaType }",
        "REPORT_DOWNLOADED",
        "request a report",
    ),
    Change(
        "MANAGE_BILLING",
        "requestInvoiceDownload",
        {"invoiceId": "<invoice>"},
        "download { fileName }",
        "INVOICE_DOWNLOADED",
        "download an invoice",
        target="invoice",
    ),
    Change(
        "REVOKE_LICENSES",
        "setLicenseExpiry",
        {"licenseId": "<license>", "expiresAt": "2100-01-01T00:00:00.000000Z"},
        "license { expiresAt }",
        "LICENSE_EXPIRY_CHANGED",
        "change the expiry of a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "changeLicenseSite",
        {"licenseId": "<license>", "site": "moved.example.com"},
        "license { site }",
        "LICENSE_SITE_CHANGED",
        "change the site of a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "rotateLicenseKey",
        {"licenseId": "<license>", "idempotencyKey": "r"},
        "license { key }",
        "LICENSE_KEY_ROTATED",
        "rotate the key of a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "issueLicenseCertificate",
        {"licenseId": "<license>", "lifetimeSeconds": 86_400},
        "certificate expiresAt",
        "LICENSE_CERTIFICATE_ISSUED",
        "issue a certificate of a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "suspendLicense",
        {"licenseId": "<license>", "reason": "Not paid."},
        "license { status }",
        "LICENSE_SUSPENDED",
        "suspend a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "reinstateLicense",
        {"licenseId": "<license>"},
        "license { status }",
        "LICENSE_REINSTATED",
        "reinstate a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "transferLicense",
        {"licenseId": "<license>", "toMemberId": "<me>"},
        "license { holder { id } }",
        "LICENSE_TRANSFERRED",
        "transfer a license",
        target="license",
    ),
    Change(
        "REVOKE_LICENSES",
        "revokeLicense",
        {"licenseId": "<license>", "reason": "Not paid."},
        "license { status }",
        "LICENSE_REVOKED",
        "revoke a license",
        target="license",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "createAuditStream",
        {"accountId": "<account>", "url": "https://hooks.example.com/<role>", "idempotencyKey": "s"},
        "auditStream { id } secret",
        "AUDIT_STREAM_CREATED",
        "create an audit stream",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "updateAuditStream",
        {"auditStreamId": "<audit_stream>", "paused": True, "rotateSecret": True},
        "auditStream { status } secret",
        "AUDIT_STREAM_UPDATED",
        "change an audit stream",
        target="audit_stream",
    ),
    Change(
        "MANAGE_ACCOUNT",
        "deleteAuditStream",
        {"auditStreamId": "<audit_stream>"},
        "auditStream { deletedAt }",
        "AUDIT_STREAM_DELETED",
        "delete an audit stream",
        target="audit_stream",
    ),
    Change(
        "GENERATE_API_KEYS",
        "generateApiKey",
        {"accountId": "<account>", "name": "Shop", "memberId": "<owner>", "idempotencyKey": "a"},
        "apiKey { prefix status }",
        "API_KEY_GENERATED",
        "generate an API key",
    ),
    Change(
        "GENERATE_API_KEYS",
        "rotateApiKey",
        {"apiKeyId": "<api_key>"},
        "apiKey { prefix }",
        "API_KEY_ROTATED",
        "rotate an API key",
        target="api_key",
        owner_only=True,
        which="which is for that member alone",
    ),
    Change(
        "GENERATE_API_KEYS",
        "updateApiKey",
        {"apiKeyId": "<api_key>", "scopes": ["READ"]},
        "apiKey { scopes }",
        "API_KEY_UPDATED",
        "change an API key",
        target="api_key",
    ),
    Change(
        "GENERATE_API_KEYS",
        "revokeApiKey",
        {"apiKeyId": "<api_key>"},
        "apiKey { status revokedAt }",
        "API_KEY_REVOKED",
        "revoke an API key",
        target="api_key",
    ),
    Change(
        "REMOVE_MEMBERS",
        "removeMembers",
        {"accountId": "<account>", "memberIds": ["<member>"]},
        "results { member { removedAt } }",
        "MEMBER_REMOVED",
        "remove a member",
    ),
]

OF_HOLDERS = ("changeLicenseSite", "rotateLicenseKey", "issueLicenseCertificate")
"""Mutations that a license's holder can make with PROVISION_LICENSES. `tests/licenses/test_held_licenses.py`
tries them with each role and scope."""
