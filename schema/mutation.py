"""The changes: one entry each, and who may make it is part of it."""

import strawberry

from permissions.allow import ANYONE, SIGNED_IN, HasOrOwns, Owns
from permissions.roles import Permission
from resolvers.accounts import mutations as accounts
from resolvers.api_keys import claims as api_key_claims
from resolvers.api_keys import mutations as api_key_changes
from resolvers.audit_streams import mutations as audit_streams
from resolvers.billing import invoice_downloads, purchases
from resolvers.billing import mutations as billing
from resolvers.downloads import mutations as downloads
from resolvers.invitations import joining
from resolvers.invitations import mutations as invitations
from resolvers.licenses import admin_mutations as license_changes
from resolvers.licenses import mutations as licenses
from resolvers.members import mutations as members
from resolvers.reports import mutations as reports
from resolvers.sessions import mutations as sessions
from schema.accounts import (
    CreateAccountInput,
    CreateAccountPayload,
    SetAccountLimitsInput,
    SetAccountLimitsPayload,
    TransferOwnershipInput,
    TransferOwnershipPayload,
    UpdateAccountInput,
    UpdateAccountPayload,
)
from schema.api_keys import (
    ClaimApiKeyInput,
    ClaimApiKeyPayload,
    GenerateApiKeyInput,
    GenerateApiKeyPayload,
    RevokeApiKeyInput,
    RevokeApiKeyPayload,
    RotateApiKeyInput,
    RotateApiKeyPayload,
)
from schema.audit_streams import (
    CreateAuditStreamInput,
    CreateAuditStreamPayload,
    DeleteAuditStreamInput,
    DeleteAuditStreamPayload,
    UpdateAuditStreamInput,
    UpdateAuditStreamPayload,
)
from schema.billing import (
    PurchaseLicensesInput,
    PurchaseLicensesPayload,
    UpdateBillingDetailsInput,
    UpdateBillingDetailsPayload,
)
from schema.downloads import (
    RequestInvoiceDownloadInput,
    RequestInvoiceDownloadPayload,
    RequestThemeDownloadInput,
    RequestThemeDownloadPayload,
)
from schema.fields import change_field
from schema.invitations import (
    AcceptInvitationInput,
    AcceptInvitationPayload,
    DeclineInvitationInput,
    DeclineInvitationPayload,
    InviteMemberInput,
    InviteMemberPayload,
    InviteMembersInput,
    InviteMembersPayload,
    ResendInvitationInput,
    ResendInvitationPayload,
    RevokeInvitationInput,
    RevokeInvitationPayload,
)
from schema.licenses import (
    ProvisionLicenseInput,
    ProvisionLicensePayload,
    ReinstateLicenseInput,
    ReinstateLicensePayload,
    RevokeLicenseInput,
    RevokeLicensePayload,
    SuspendLicenseInput,
    SuspendLicensePayload,
    TransferLicenseInput,
    TransferLicensePayload,
)
from schema.members import (
    ChangeMemberRoleInput,
    ChangeMemberRolePayload,
    LeaveAccountInput,
    LeaveAccountPayload,
    RemoveMemberInput,
    RemoveMemberPayload,
)
from schema.reports import RequestReportInput, RequestReportPayload
from schema.sessions import (
    RequestSignInInput,
    RequestSignInPayload,
    RevokeSessionInput,
    RevokeSessionPayload,
    SignInInput,
    SignInPayload,
    SignOutPayload,
    UpdateProfileInput,
    UpdateProfilePayload,
)


@strawberry.type(description="What can be changed.")
class Mutation:
    request_sign_in: RequestSignInPayload | None = change_field(
        sessions.request_sign_in,
        allow=ANYONE,
        input=RequestSignInInput,
        payload=RequestSignInPayload,
        description="Emails a one-time link. Answers alike whether or not the address is known.",
    )
    sign_in: SignInPayload | None = change_field(
        sessions.sign_in,
        allow=ANYONE,
        input=SignInInput,
        payload=SignInPayload,
        description="Trades the emailed token for a session.",
    )
    sign_out: SignOutPayload | None = change_field(
        sessions.sign_out,
        allow=ANYONE,
        payload=SignOutPayload,
        description="Ends the session that the request came with.",
    )
    revoke_session: RevokeSessionPayload | None = change_field(
        sessions.revoke_session,
        allow=SIGNED_IN,
        input=RevokeSessionInput,
        payload=RevokeSessionPayload,
        description="Ends one of the viewer's own sessions.",
    )
    update_profile: UpdateProfilePayload | None = change_field(
        sessions.update_profile,
        allow=SIGNED_IN,
        input=UpdateProfileInput,
        payload=UpdateProfilePayload,
        description="Changes what the viewer is called, in every account.",
    )
    create_account: CreateAccountPayload | None = change_field(
        accounts.create_account,
        allow=SIGNED_IN,
        input=CreateAccountInput,
        payload=CreateAccountPayload,
        description="Creates an account, which the viewer owns.",
    )
    update_account: UpdateAccountPayload | None = change_field(
        accounts.update_account,
        allow=Permission.MANAGE_ACCOUNT,
        input=UpdateAccountInput,
        payload=UpdateAccountPayload,
        description="Renames an account.",
    )
    set_account_limits: SetAccountLimitsPayload | None = change_field(
        accounts.set_account_limits,
        allow=Permission.MANAGE_ACCOUNT,
        input=SetAccountLimitsInput,
        payload=SetAccountLimitsPayload,
        description="Sets what an account may use.",
    )
    transfer_ownership: TransferOwnershipPayload | None = change_field(
        accounts.transfer_ownership,
        allow=Permission.MANAGE_ACCOUNT,
        input=TransferOwnershipInput,
        payload=TransferOwnershipPayload,
        description="Makes another member the owner. Only the owner may.",
    )
    invite_member: InviteMemberPayload | None = change_field(
        invitations.invite_member,
        allow=Permission.INVITE_MEMBERS,
        input=InviteMemberInput,
        payload=InviteMemberPayload,
        description="Invites somebody by email.",
    )
    invite_members: InviteMembersPayload | None = change_field(
        invitations.invite_members,
        allow=Permission.INVITE_MEMBERS,
        input=InviteMembersInput,
        payload=InviteMembersPayload,
        description="Invites up to 1,000 people; each is told its own outcome.",
    )
    resend_invitation: ResendInvitationPayload | None = change_field(
        invitations.resend_invitation,
        allow=Permission.INVITE_MEMBERS,
        input=ResendInvitationInput,
        payload=ResendInvitationPayload,
        description="Sends an invitation again, with a new link; the old one dies.",
    )
    revoke_invitation: RevokeInvitationPayload | None = change_field(
        invitations.revoke_invitation,
        allow=Permission.INVITE_MEMBERS,
        input=RevokeInvitationInput,
        payload=RevokeInvitationPayload,
        description="Withdraws an invitation.",
    )
    accept_invitation: AcceptInvitationPayload | None = change_field(
        joining.accept_invitation,
        allow=ANYONE,
        input=AcceptInvitationInput,
        payload=AcceptInvitationPayload,
        description="Joins the account. Signs in a person that it creates; somebody who exists and is not"
        " signed in joins, and signs in as ever (`sessionToken` is null).",
    )
    decline_invitation: DeclineInvitationPayload | None = change_field(
        joining.decline_invitation,
        allow=ANYONE,
        input=DeclineInvitationInput,
        payload=DeclineInvitationPayload,
        description="Says no to an invitation.",
    )
    change_member_role: ChangeMemberRolePayload | None = change_field(
        members.change_member_role,
        allow=Permission.ASSIGN_ROLES,
        input=ChangeMemberRoleInput,
        payload=ChangeMemberRolePayload,
        description="Gives a member another role, from the next request on.",
    )
    remove_member: RemoveMemberPayload | None = change_field(
        members.remove_member,
        allow=Permission.REMOVE_MEMBERS,
        input=RemoveMemberInput,
        payload=RemoveMemberPayload,
        description="Removes a member; its licenses go to another.",
    )
    leave_account: LeaveAccountPayload | None = change_field(
        members.leave_account,
        allow=SIGNED_IN,
        input=LeaveAccountInput,
        payload=LeaveAccountPayload,
        description="Ends the viewer's own membership.",
    )
    purchase_licenses: PurchaseLicensesPayload | None = change_field(
        purchases.purchase_licenses,
        allow=Permission.PURCHASE_LICENSES,
        input=PurchaseLicensesInput,
        payload=PurchaseLicensesPayload,
        description="Adds to the entitlements and issues one invoice to the owner.",
    )
    update_billing_details: UpdateBillingDetailsPayload | None = change_field(
        billing.update_billing_details,
        allow=Permission.MANAGE_BILLING,
        input=UpdateBillingDetailsInput,
        payload=UpdateBillingDetailsPayload,
        description="Says to whom the next invoice is made out.",
    )
    provision_license: ProvisionLicensePayload | None = change_field(
        licenses.provision_license,
        allow=Permission.PROVISION_LICENSES,
        input=ProvisionLicenseInput,
        payload=ProvisionLicensePayload,
        description="Provisions a license for a site. Uses one entitlement.",
    )
    revoke_license: RevokeLicensePayload | None = change_field(
        license_changes.revoke_license,
        allow=Permission.REVOKE_LICENSES,
        input=RevokeLicenseInput,
        payload=RevokeLicensePayload,
        description="Revokes a license for good. Frees its entitlement.",
    )
    request_theme_download: RequestThemeDownloadPayload | None = change_field(
        downloads.request_theme_download,
        allow=Permission.DOWNLOAD_THEME_FILES,
        input=RequestThemeDownloadInput,
        payload=RequestThemeDownloadPayload,
        description="A link to a theme's file. What is audited is the download.",
    )
    request_report: RequestReportPayload | None = change_field(
        reports.request_report,
        allow=Permission.DOWNLOAD_REPORTS,
        input=RequestReportInput,
        payload=RequestReportPayload,
        description="Asks for a report as a file. Besides DOWNLOAD_REPORTS it takes the permission of what it"
        " shows: VIEW_AUDIT_LOG for TEAM and AUDIT_LOG, MANAGE_BILLING for INVOICES, VIEW_OWN_ACTIVITY for"
        " LICENSE_ACTIVITY.",
    )
    request_invoice_download: RequestInvoiceDownloadPayload | None = change_field(
        invoice_downloads.request_invoice_download,
        allow=Permission.MANAGE_BILLING,
        input=RequestInvoiceDownloadInput,
        payload=RequestInvoiceDownloadPayload,
        description="Asks for an invoice as a PDF.",
    )
    suspend_license: SuspendLicensePayload | None = change_field(
        license_changes.suspend_license,
        allow=Permission.REVOKE_LICENSES,
        input=SuspendLicenseInput,
        payload=SuspendLicensePayload,
        description="Suspends a license until it is reinstated. It keeps its entitlement.",
    )
    reinstate_license: ReinstateLicensePayload | None = change_field(
        license_changes.reinstate_license,
        allow=Permission.REVOKE_LICENSES,
        input=ReinstateLicenseInput,
        payload=ReinstateLicensePayload,
        description="Makes a suspended license active again.",
    )
    transfer_license: TransferLicensePayload | None = change_field(
        license_changes.transfer_license,
        allow=Permission.REVOKE_LICENSES,
        input=TransferLicenseInput,
        payload=TransferLicensePayload,
        description="Gives a license another holder.",
    )
    create_audit_stream: CreateAuditStreamPayload | None = change_field(
        audit_streams.create_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        input=CreateAuditStreamInput,
        payload=CreateAuditStreamPayload,
        description="Sets up a webhook for audit events.",
    )
    update_audit_stream: UpdateAuditStreamPayload | None = change_field(
        audit_streams.update_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        input=UpdateAuditStreamInput,
        payload=UpdateAuditStreamPayload,
        description="Changes, pauses or resumes a webhook for audit events, or rotates its secret.",
    )
    delete_audit_stream: DeleteAuditStreamPayload | None = change_field(
        audit_streams.delete_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        input=DeleteAuditStreamInput,
        payload=DeleteAuditStreamPayload,
        description="Deletes a webhook for audit events.",
    )
    generate_api_key: GenerateApiKeyPayload | None = change_field(
        api_key_changes.generate_api_key,
        allow=Permission.GENERATE_API_KEYS,
        input=GenerateApiKeyInput,
        payload=GenerateApiKeyPayload,
        description="For oneself: the secret is in the payload. For another member: they are emailed a link,"
        " and claim the key themselves.",
    )
    claim_api_key: ClaimApiKeyPayload | None = change_field(
        api_key_claims.claim_api_key,
        allow=ANYONE,
        input=ClaimApiKeyInput,
        payload=ClaimApiKeyPayload,
        description="Claims a key by the token of its emailed link, signed in or not: the link proves the"
        " address.",
    )
    rotate_api_key: RotateApiKeyPayload | None = change_field(
        api_key_changes.rotate_api_key,
        allow=Owns(
            "member_id",
            instead=Permission.GENERATE_API_KEYS,
            advice="Only its own member may rotate an API key, and hold its secret: revoke it, and generate"
            " a new one, which needs GENERATE_API_KEYS.",
        ),
        input=RotateApiKeyInput,
        payload=RotateApiKeyPayload,
        description="Gives one's own key a new secret; the old one works for `overlapSeconds` more.",
    )
    revoke_api_key: RevokeApiKeyPayload | None = change_field(
        api_key_changes.revoke_api_key,
        allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
        input=RevokeApiKeyInput,
        payload=RevokeApiKeyPayload,
        description="Revokes a key for good, and at once. Again is no error.",
    )
