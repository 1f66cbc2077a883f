"""The root type Mutation: one entry for each mutation, with its rule (`allow=`)."""

import strawberry

from permissions.allow import ANYONE, SIGNED_IN, HasBySession, HasForOthers, HasOrOwns, Owns, Reads
from permissions.roles import Permission
from resolvers.accounts import mutations as accounts
from resolvers.accounts import security_policy
from resolvers.api_keys import claims as api_key_claims
from resolvers.api_keys import mutations as api_key_changes
from resolvers.api_keys import narrowing as api_key_narrowing
from resolvers.audit_streams import mutations as audit_streams
from resolvers.billing import invoice_downloads, purchases
from resolvers.billing import mutations as billing
from resolvers.downloads import mutations as downloads
from resolvers.invitations import joining, sent_invitations
from resolvers.invitations import mutations as invitations
from resolvers.licenses import admin_mutations as license_changes
from resolvers.licenses import certificates as license_certificates
from resolvers.licenses import expiry as license_expiry
from resolvers.licenses import holder_mutations as held_license_changes
from resolvers.licenses import mutations as licenses
from resolvers.members import access as member_access
from resolvers.members import bulk_mutations as bulk_members
from resolvers.members import limit_mutations as member_limits
from resolvers.members import mutations as members
from resolvers.members import sessions as member_sessions
from resolvers.people import mutations as people
from resolvers.people import personal_data_mutations as personal_data
from resolvers.reports import mutations as reports
from resolvers.sessions import mutations as sessions
from resolvers.sessions import revocations
from schema.mutation_field import mutation_field

_OF_LICENSE = HasOrOwns(Permission.REVOKE_LICENSES, own="holder_id", needs=Permission.PROVISION_LICENSES)


@strawberry.type(
    description="Entry points for changing data. Each change to an account is committed together with its"
    " event in the audit log. Problems that the caller can correct are in `userErrors` of the payload, with"
    " the codes that the descriptions name."
)
class Mutation:
    request_sign_in = mutation_field(
        sessions.request_sign_in,
        allow=ANYONE,
        description="Emails a one-time sign-in link to an address. The answer is the same whether or not the"
        " address is known. Refused with TOO_MANY_REQUESTS after too many emails to the address or from the"
        " client.",
    )
    sign_in = mutation_field(
        sessions.sign_in,
        allow=ANYONE,
        description="Exchanges the token of a sign-in link for a session. Repeating it in the browser that"
        " used the link returns the same session; otherwise a used or expired token is refused with"
        " TOKEN_INVALID.",
    )
    sign_out = mutation_field(
        sessions.sign_out,
        allow=ANYONE,
        description="Ends the session with which the request is made. Without a session, nothing changes.",
    )
    revoke_session = mutation_field(
        revocations.revoke_session,
        allow=SIGNED_IN,
        description="Ends one of the viewer's own sessions with immediate effect.",
    )
    revoke_other_sessions = mutation_field(
        revocations.revoke_other_sessions,
        allow=SIGNED_IN,
        description="Ends all sessions of the viewer but the one with which the request is made, with"
        " immediate effect.",
    )
    update_profile = mutation_field(
        sessions.update_profile,
        allow=SIGNED_IN,
        description="Changes the display name of the viewer in all of its accounts.",
    )
    erase_viewer = mutation_field(
        people.erase_viewer,
        allow=SIGNED_IN,
        description="Erases the viewer: its name, email and IP addresses are removed from every account and"
        " audit log, where `Erased person` stands instead, and its sessions end. The viewer must have left"
        " every account. Issued invoices keep the names on them, as tax law requires. Logs with many events"
        " of the viewer are finished within minutes. It cannot be undone.",
    )
    request_personal_data = mutation_field(
        personal_data.request_personal_data,
        allow=SIGNED_IN,
        description="Returns a link from which everything that is stored about the viewer, in all of its"
        " accounts, is downloaded as JSON. No account's audit log records the download.",
    )
    create_account = mutation_field(
        accounts.create_account,
        allow=SIGNED_IN,
        description="Creates an account and makes the viewer its owner. Refused with TOO_MANY_REQUESTS after"
        " too many accounts in a day, and while the viewer owns too many.",
    )
    update_account = mutation_field(
        accounts.update_account,
        allow=Permission.MANAGE_ACCOUNT,
        description="Changes the name of an account. Its slug does not change.",
    )
    set_account_limits = mutation_field(
        accounts.set_account_limits,
        allow=Permission.MANAGE_ACCOUNT,
        description="Sets the limits on active licenses and monthly spending. Existing licenses beyond a"
        " new limit stay active.",
    )
    set_security_policy = mutation_field(
        security_policy.set_security_policy,
        allow=Permission.MANAGE_ACCOUNT,
        description="Sets the account's rules about sessions and API keys. An API key sets only the rule"
        " about sessions. Refused with INVALID outside of the bounds that the input states. A session that"
        " is older than the new `maxSessionAgeSeconds` must sign in again at once, also the one that sets it."
        " API keys that would outlive the new `apiKeyMaxLifetimeDays` expire earlier, with an event and an"
        " email: 500 of them at once, and others within minutes.",
    )
    transfer_ownership = mutation_field(
        accounts.transfer_ownership,
        allow=HasBySession(Permission.MANAGE_ACCOUNT),
        description="Makes another member the owner, who is billed from then on and becomes an Admin. The"
        " previous owner remains an Admin. Only the current owner can do this: any other Admin is refused"
        " with FORBIDDEN.",
    )
    invite_member = mutation_field(
        invitations.invite_member,
        allow=Permission.INVITE_MEMBERS,
        description="Invites a person by email to join an account with a role. The email has a link with"
        " which the person joins. Refused with ALREADY_MEMBER, ALREADY_INVITED or, after too many emails,"
        " TOO_MANY_REQUESTS.",
    )
    invite_members = mutation_field(
        invitations.invite_members,
        allow=Permission.INVITE_MEMBERS,
        description="Invites up to 1,000 people by email. Each invitation succeeds or fails independently of"
        " the others. Refused as a whole with TOO_MANY_REQUESTS when the account or the viewer would send"
        " too many emails.",
    )
    resend_invitation = mutation_field(
        sent_invitations.resend_invitation,
        allow=Permission.INVITE_MEMBERS,
        description="Emails a pending or expired invitation again, with a new link and a new expiry time."
        " The previous link is no longer valid. Refused with INVITATION_ALREADY_USED, INVITATION_REVOKED,"
        " NOT_ACTIVE (declined), ALREADY_MEMBER, ALREADY_INVITED or TOO_MANY_REQUESTS.",
    )
    change_invitation_role = mutation_field(
        sent_invitations.change_invitation_role,
        allow=Permission.INVITE_MEMBERS,
        description="Changes the role of a pending invitation and emails it again, with a new link and a new"
        " expiry time: the previous email states the previous role, and its link is no longer valid. The same"
        " role changes nothing. Refused with INVITATION_EXPIRED, INVITATION_ALREADY_USED, INVITATION_REVOKED,"
        " NOT_ACTIVE (declined), ALREADY_MEMBER or TOO_MANY_REQUESTS.",
    )
    revoke_invitation = mutation_field(
        sent_invitations.revoke_invitation,
        allow=Permission.INVITE_MEMBERS,
        description="Revokes a pending or expired invitation, whose link is then no longer valid. Repeating"
        " it changes nothing. Refused with INVITATION_ALREADY_USED or NOT_ACTIVE (declined).",
    )
    accept_invitation = mutation_field(
        joining.accept_invitation,
        allow=ANYONE,
        description="Accepts an invitation by the token of its link: the person joins the account. A person"
        " who did not exist before is created and signed in; anyone else signs in as usual. Refused with"
        " WRONG_EMAIL when a person with another email address is signed in, and with TOKEN_INVALID,"
        " INVITATION_EXPIRED, INVITATION_REVOKED, INVITATION_ALREADY_USED or NOT_ACTIVE (declined).",
    )
    decline_invitation = mutation_field(
        joining.decline_invitation,
        allow=ANYONE,
        description="Declines an invitation by the token of its link. Repeating it changes nothing. Refused"
        " with the same codes as `acceptInvitation`.",
    )
    change_member_role = mutation_field(
        members.change_member_role,
        allow=HasForOthers(Permission.ASSIGN_ROLES),
        description="Changes the role of a member, effective from the next request on. While the role lacks"
        " `ACCESS_API`, the member's API keys are refused. Refused with OWNER_PROTECTED for the owner, and"
        " with NOT_ACTIVE for a removed member.",
    )
    set_member_limits = mutation_field(
        member_limits.set_member_limits,
        allow=HasForOthers(Permission.ASSIGN_ROLES),
        description="Sets the limits of a member: how many active licenses it can hold, and of which themes."
        " They do not apply while the member is an Admin, and what the member holds already stays. Refused"
        " with INVALID for a negative limit, with NOT_FOUND for a theme that is not in the catalog, and with"
        " NOT_ACTIVE for a removed member.",
    )
    set_member_access = mutation_field(
        member_access.set_member_access,
        allow=HasForOthers(Permission.ASSIGN_ROLES),
        description="Sets or removes the time at which a membership ends by itself. From that time on the"
        " member has no access, with any credential; its licenses pass to the owner and its API keys are"
        " revoked. The member is emailed now and at the end, and the member and the Admins 7 days and 1 day"
        " before. Refused with INVALID for a time in the past, with OWNER_PROTECTED for the owner, and with"
        " NOT_ACTIVE for a member who has left or was removed.",
    )
    remove_member = mutation_field(
        members.remove_member,
        allow=HasForOthers(Permission.REMOVE_MEMBERS),
        description="Removes a member from the account with immediate effect. The member's licenses pass to"
        " another member, and its API keys are revoked. Emails tell both so. Refused with OWNER_PROTECTED for"
        " the owner, with NOT_ACTIVE for a removed member, and with THEME_NOT_ALLOWED or"
        " LICENSE_LIMIT_REACHED when the limits of the member who receives the licenses do not allow them.",
    )
    end_member_sessions = mutation_field(
        member_sessions.end_member_sessions,
        allow=HasOrOwns(Permission.REMOVE_MEMBERS, own="id"),
        description="Ends the sessions of a member for this account: each must sign in again before it can"
        " use the account. They stay valid for the person's other accounts, and API keys keep working."
        " Refused with OWNER_PROTECTED for the sessions of the owner, which only the owner can end, and with"
        " NOT_ACTIVE for a removed member.",
    )
    change_member_roles = mutation_field(
        bulk_members.change_member_roles,
        allow=HasForOthers(Permission.ASSIGN_ROLES),
        description="Changes the roles of up to 1,000 members in one transaction. Each change succeeds or is"
        " refused independently of the others, as by `changeMemberRole`, and with INVALID for a member that"
        " is in the list twice.",
    )
    remove_members = mutation_field(
        bulk_members.remove_members,
        allow=HasForOthers(Permission.REMOVE_MEMBERS),
        description="Removes up to 1,000 members in one transaction, and passes all of their licenses to one"
        " member. Each removal succeeds or is refused independently of the others, as by `removeMember`, and"
        " with INVALID for a member that is in the list twice. Refused as a whole when the licenses cannot"
        " pass: with NOT_FOUND, with NOT_ACTIVE when the member who receives them is in the list, and with"
        " THEME_NOT_ALLOWED or LICENSE_LIMIT_REACHED when the limits of that member do not allow them.",
    )
    leave_account = mutation_field(
        members.leave_account,
        allow=SIGNED_IN,
        description="Ends the viewer's own membership. The viewer's licenses pass to the owner, and its API"
        " keys are revoked. Refused with OWNER_PROTECTED for the owner.",
    )
    purchase_licenses = mutation_field(
        purchases.purchase_licenses,
        allow=Permission.PURCHASE_LICENSES,
        description="Purchases licenses at their current prices: adds them to the entitlements and issues"
        " one invoice, which is emailed to the owner and to the billing email address. Refused with"
        " SPEND_LIMIT_REACHED beyond the account's monthly limit, and with NOT_ACTIVE for a theme that is no"
        " longer sold.",
    )
    update_billing_details = mutation_field(
        billing.update_billing_details,
        allow=Permission.MANAGE_BILLING,
        description="Changes the recipient details for future invoices. Issued invoices do not change.",
    )
    provision_license = mutation_field(
        licenses.provision_license,
        allow=Permission.PROVISION_LICENSES,
        description="Provisions a license of a theme for a site. It uses one purchased license. Refused with"
        " LICENSE_LIMIT_REACHED when none is left, or the account's or the holder's limit on active licenses"
        " is reached; with THEME_NOT_ALLOWED when the limits of the viewer or of the holder do not include"
        " the theme; and with INVALID when the site has a license of the theme already.",
    )
    revoke_license = mutation_field(
        license_changes.revoke_license,
        allow=Permission.REVOKE_LICENSES,
        description="Revokes a license permanently. The purchased license can be provisioned again. Refused"
        " with NOT_ACTIVE when it was revoked before.",
    )
    request_theme_download = mutation_field(
        downloads.request_theme_download,
        allow=Permission.DOWNLOAD_THEME_FILES,
        description="Returns a link from which a file of a licensed theme is downloaded. The audit log"
        " records each download, not the link. Refused with NOT_ACTIVE unless the license is active.",
    )
    request_report = mutation_field(
        reports.request_report,
        allow=Reads(Permission.DOWNLOAD_REPORTS),
        description="Returns a link from which a report is downloaded. The audit log records each download,"
        " not the link. Some kinds require a second permission: VIEW_AUDIT_LOG for TEAM and AUDIT_LOG,"
        " MANAGE_BILLING for INVOICES, VIEW_OWN_ACTIVITY for LICENSE_ACTIVITY, REVOKE_LICENSES for"
        " LICENSE_CHECKS.",
    )
    request_invoice_download = mutation_field(
        invoice_downloads.request_invoice_download,
        allow=Reads(Permission.MANAGE_BILLING),
        description="Returns a link from which an invoice is downloaded as a PDF. The audit log records each"
        " download, not the link.",
    )
    suspend_license = mutation_field(
        license_changes.suspend_license,
        allow=Permission.REVOKE_LICENSES,
        description="Suspends an active license until it is reinstated. It still uses a purchased license."
        " Refused with NOT_ACTIVE for any other license.",
    )
    reinstate_license = mutation_field(
        license_changes.reinstate_license,
        allow=Permission.REVOKE_LICENSES,
        description="Makes a suspended license active again. Refused with LICENSE_LIMIT_REACHED when the"
        " account's limit on active licenses is reached, and with NOT_ACTIVE for a revoked or expired"
        " license.",
    )
    transfer_license = mutation_field(
        license_changes.transfer_license,
        allow=Permission.REVOKE_LICENSES,
        description="Gives a license to another holder. Its key and site do not change. Refused with"
        " NOT_ACTIVE for a revoked or expired license, and for a removed member.",
    )
    set_license_expiry = mutation_field(
        license_expiry.set_license_expiry,
        allow=Permission.REVOKE_LICENSES,
        description="Sets or removes the time at which a license expires. An expired license becomes active"
        " again by it, and uses a purchased license. That is refused as by `provisionLicense`: with"
        " LICENSE_LIMIT_REACHED, with THEME_NOT_ALLOWED, and with INVALID when the site has another license"
        " of the theme. Refused with INVALID for a time in the past, and with NOT_ACTIVE for a revoked"
        " license, and for an expired one whose holder is no longer a member.",
    )
    change_license_site = mutation_field(
        held_license_changes.change_license_site,
        allow=_OF_LICENSE,
        description="Moves a license to another site. Its key does not change, and it is no longer valid on"
        " the old site. Refused with INVALID when the new site has a license of the theme already, with"
        " THEME_NOT_ALLOWED when the limits of the viewer do not include the theme, and with NOT_ACTIVE for a"
        " revoked or expired license.",
    )
    rotate_license_key = mutation_field(
        held_license_changes.rotate_license_key,
        allow=_OF_LICENSE,
        description="Gives a license a new key, which is accepted at once. From then on a theme that checks"
        " the old key is answered `REVOKED`. If somebody else rotates it, the holder is notified by"
        " email. Refused with NOT_ACTIVE for a revoked or expired license.",
    )
    issue_license_certificate = mutation_field(
        license_certificates.issue_license_certificate,
        allow=_OF_LICENSE,
        description="Issues a certificate of an active license: a signed JSON Web Token that a theme verifies"
        " without a network, with the public keys of `/.well-known/jwks.json`. Its claims are the theme, the"
        " site, the status and the expiry of the license, and the audit event that provisioned it. It is"
        " valid until it ends, whatever becomes of the license. Refused with NOT_ACTIVE unless the license is"
        " active, and with INVALID where the server has no signing key.",
    )
    create_audit_stream = mutation_field(
        audit_streams.create_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Creates an audit stream that receives the account's audit events, and returns its secret"
        " once.",
    )
    update_audit_stream = mutation_field(
        audit_streams.update_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Changes, pauses or resumes an audit stream, or rotates its secret. Refused"
        " with NOT_ACTIVE for a deleted audit stream.",
    )
    delete_audit_stream = mutation_field(
        audit_streams.delete_audit_stream,
        allow=Permission.MANAGE_ACCOUNT,
        description="Deletes an audit stream permanently. Repeating it changes nothing.",
    )
    generate_api_key = mutation_field(
        api_key_changes.generate_api_key,
        allow=Permission.GENERATE_API_KEYS,
        description="Generates an API key. For the viewer, the payload has the secret, and an email confirms"
        " it; another member receives an email with a link to claim the key and its secret. Refused with"
        " ROLE_WITHOUT_API_ACCESS when the member's role lacks `ACCESS_API`, and with TOO_MANY_REQUESTS"
        " after too many such emails.",
    )
    claim_api_key = mutation_field(
        api_key_claims.claim_api_key,
        allow=ANYONE,
        description="Claims an API key by the token of its emailed link, and returns its secret once."
        " Refused with WRONG_EMAIL when another person is signed in, and with TOKEN_INVALID (unknown or"
        " expired link), NOT_ACTIVE (revoked or expired key) or ROLE_WITHOUT_API_ACCESS.",
    )
    rotate_api_key = mutation_field(
        api_key_changes.rotate_api_key,
        allow=Owns(
            "member_id",
            instead=Permission.GENERATE_API_KEYS,
            advice="Only its own member may rotate an API key, and hold its secret: revoke it, and generate"
            " a new one, which needs GENERATE_API_KEYS.",
        ),
        description="Gives an API key a new secret. The old secret is accepted for another `overlapSeconds`."
        " The member is notified by email. Refused with NOT_ACTIVE unless the key is active.",
    )
    update_api_key = mutation_field(
        api_key_narrowing.update_api_key,
        allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
        description="Renames an API key, takes scopes away from it, lets it expire earlier, or sets the"
        " networks that it is accepted from, with immediate effect. Its own member, without"
        " `GENERATE_API_KEYS`, can only narrow its networks. Refused with NOT_ACTIVE unless the key is active"
        " or not claimed yet.",
    )
    revoke_api_key = mutation_field(
        api_key_changes.revoke_api_key,
        allow=HasOrOwns(Permission.GENERATE_API_KEYS, own="member_id"),
        description="Revokes an API key permanently, with immediate effect. If somebody else revokes it,"
        " its member is notified by email. Repeating it changes nothing.",
    )
