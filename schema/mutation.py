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
from schema.mutation_field import mutation_field


@strawberry.type(description="What can be changed.")
class Mutation:
    request_sign_in = mutation_field(
        sessions.request_sign_in,
        allow=ANYONE,
        description="Emails a one-time link. Answers alike whether or not the address is known.",
    )
    sign_in = mutation_field(
        sessions.sign_in,
        allow=ANYONE,
        description="Trades the emailed token for a session.",
    )
    sign_out = mutation_field(
        sessions.sign_out,
        allow=ANYONE,
        description="Ends the session that the request came with.",
    )
    revoke_session = mutation_field(
        sessions.revoke_session,
        allow=SIGNED_IN,
        description="Ends one of the viewer's own sessions.",
    )
    update_profile = mutation_field(
        sessions.update_profile,
        allow=SIGNED_IN,
        description="Changes what the viewer is called, in every account.",
    )
    create_account = mutation_field(
        accounts.create_account,
        allow=SIGNED_IN,
        description="Creates an account, which the viewer owns.",
    )
    update_account = mutation_field(
        accounts.update_account,
        allow=Permission.MANAGE_ACCOUNT,
        description="Renames an account.",
    )
    set_account_limits = mutation_field(
        accounts.set_account_limits,
        allow=Permission.MANAGE_ACCOUNT,
        description="Sets what an account may use.",
    )
    transfer_ownership = mutation_field(
        accounts.transfer_ownership,
        allow=Permission.MANAGE_ACCOUNT,
        description="Makes another member the owner. Only the owner may.",
    )
    invite_member = mutation_field(
        invitations.invite_member,
        allow=Permission.INVITE_MEMBERS,
        description="Invites somebody by email.",
    )
    invite_members = mutation_field(
        invitations.invite_members,
        allow=Permission.INVITE_MEMBERS,
        description="Invites up to 1,000 people; each is told its own outcome.",
    )
    resend_invitation = mutation_field(
        invitations.resend_invitation,
        allow=Permission.INVITE_MEMBERS,
        description="Sends an invitation again, with a new link; the old one dies.",
    )
    revoke_invitation = mutation_field(
        invitations.revoke_invitation,
        allow=Permission.INVITE_MEMBERS,
        description="Withdraws an invitation.",
    )
    accept_invitation = mutation_field(
        joining.accept_invitation,
        allow=ANYONE,
        description="Joins the account. Signs in a person that it creates; somebody who exists and is not"
        " signed in joins, and signs in as ever (`sessionToken` is null).",
    )
    decline_invitation = mutation_field(
        joining.decline_invitation,
        allow=ANYONE,
        description="Says no to an invitation.",
    )
    change_member_role = mutation_field(
        members.change_member_role,
        allow=Permission.ASSIGN_ROLES,
        description="Gives a member another role, from the next request on.",
    )
    remove_member = mutation_field(
        members.remove_member,
        allow=Permission.REMOVE_MEMBERS,
        description="Removes a member; its licenses go to another.",
    )
    leave_account = mutation_field(
        members.leave_account,
        allow=SIGNED_IN,
        description="Ends the viewer's own membership.",
    )
    purchase_licenses = mutation_field(
        purchases.purchase_licenses,
        allow=Permission.PURCHASE_LICENSES,
        description="Adds to the entitlements and issues one invoice to the owner.",
    )
    update_billing_details = mutation_field(
        billing.update_billing_details,
        allow=Permission.MANAGE_BILLING,
        description="Says to whom the next invoice is made out.",
    )
    provision_license = mutation_field(
        licenses.provision_license,
        allow=Permission.PROVISION_LICENSES,
        description="Provisions a license for a site. Uses one entitlement.",
    )
    revoke_license = mutation_field(
        license_changes.revoke_license,
        allow=Permission.REVOKE_LICENSES,
        description="Revokes a license for good. Frees its entitlement.",
    )
    request_theme_download = mutation_field(
        downloads.request_theme_download,
        allow=Permission.DOWNLOAD_THEME_FILES,
        description="A link to a theme's file. What is audited is the download.",
    )
    request_report = mutation_field(
        reports.request_report,
        allow=Permission.DOWNLOAD_REPORTS,
        description="Asks for a report as a file. Besides DOWNLOAD_REPORTS it takes the permission of what it"
        " shows: VIEW_AUDIT_LOG for TEAM and AUDIT_LOG, MANAGE_BILLING for INVOICES, VIEW_OWN_ACTIVITY for"
        " LICENSE_ACTIVITY.",
    )
    request_invoice_download = mutation_field(
        invoice_downloads.request_invoice_download,
        allow=Permission.MANAGE_BILLING,
        description="Asks for an invoice as a PDF.",
    )
    suspend_license = mutation_field(
        license_changes.suspend_license,
        allow=Permission.REVOKE_LICENSES,
        description="Suspends a license until it is reinstated. It keeps its entitlement.",
    )
    reinstate_license = mutation_field(
        license_changes.reinstate_license,
        allow=Permission.REVOKE_LICENSES,
        description="Makes a suspended license active again.",
    )
    transfer_license = mutation_field(
        license_changes.transfer_license,
        allow=Permission.REVOKE_LICENSES,
        description="Gives a license another holder.",
    )
    create_audit_stream = mutation_field(
        audit_streams.create_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Sets up a webhook for audit events.",
    )
    update_audit_stream = mutation_field(
        audit_streams.update_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Changes, pauses or resumes a webhook for audit events, or rotates its secret.",
    )
    delete_audit_stream = mutation_field(
        audit_streams.delete_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Deletes a webhook for audit events.",
    )
    generate_api_key = mutation_field(
        api_key_changes.generate_api_key,
        allow=Permission.GENERATE_API_KEYS,
        description="For oneself: the secret is in the payload. For another member: they are emailed a link,"
        " and claim the key themselves.",
    )
    claim_api_key = mutation_field(
        api_key_claims.claim_api_key,
        allow=ANYONE,
        description="Claims a key by the token of its emailed link, signed in or not: the link proves the"
        " address.",
    )
    rotate_api_key = mutation_field(
        api_key_changes.rotate_api_key,
        allow=Owns(
            "member_id",
            instead=Permission.GENERATE_API_KEYS,
            advice="Only its own member may rotate an API key, and hold its secret: revoke it, and generate"
            " a new one, which needs GENERATE_API_KEYS.",
        ),
        description="Gives one's own key a new secret; the old one works for `overlapSeconds` more.",
    )
    revoke_api_key = mutation_field(
        api_key_changes.revoke_api_key,
        allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
        description="Revokes a key for good, and at once. Again is no error.",
    )
