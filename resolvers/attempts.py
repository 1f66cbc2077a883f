"""How a refused attempt reads: `Vera tried to …, which needs INVITE_MEMBERS`."""

from models.audit import AuditAction

ATTEMPTS = {
    AuditAction.ACCOUNT_UPDATED: "rename the account",
    AuditAction.ACCOUNT_LIMITS_CHANGED: "change the account's limits",
    AuditAction.OWNERSHIP_TRANSFERRED: "transfer the account's ownership",
    AuditAction.MEMBER_INVITED: "invite somebody",
    AuditAction.INVITATION_RESENT: "resend an invitation",
    AuditAction.INVITATION_REVOKED: "revoke an invitation",
    AuditAction.MEMBER_ROLE_CHANGED: "change a member's role",
    AuditAction.MEMBER_REMOVED: "remove a member",
    AuditAction.LICENSE_PROVISIONED: "provision a license",
    AuditAction.LICENSE_REVOKED: "revoke a license",
}
