import type { AuditField } from "../__generated__/useReportMutation.graphql";
import type { AuditAction, CredentialKind } from "../__generated__/eventPagesQuery.graphql";

export type Known<Value extends string> = Exclude<Value, "%future added value">;
type Topic = "Account" | "Team" | "Licenses" | "Downloads" | "API keys" | "Billing" | "Audit log";

const TOPICS: Record<Known<AuditAction>, Topic> = {
  ACCOUNT_CREATED: "Account",
  ACCOUNT_UPDATED: "Account",
  ACCOUNT_LIMITS_CHANGED: "Account",
  SECURITY_POLICY_CHANGED: "Account",
  OWNERSHIP_TRANSFERRED: "Account",
  MEMBER_INVITED: "Team",
  INVITATION_RESENT: "Team",
  INVITATION_ROLE_CHANGED: "Team",
  INVITATION_REVOKED: "Team",
  INVITATION_DECLINED: "Team",
  INVITATION_EXPIRED: "Team",
  INVITATION_DELIVERY_FAILED: "Team",
  MEMBER_JOINED: "Team",
  MEMBER_SIGNED_IN: "Team",
  MEMBER_SESSIONS_ENDED: "Team",
  MEMBER_RENAMED: "Team",
  MEMBER_ROLE_CHANGED: "Team",
  MEMBER_LIMITS_CHANGED: "Team",
  MEMBER_ACCESS_CHANGED: "Team",
  MEMBER_ACCESS_ENDED: "Team",
  MEMBER_REMOVED: "Team",
  MEMBER_LEFT: "Team",
  PERSON_ERASED: "Team",
  LICENSES_PURCHASED: "Licenses",
  ENTITLEMENT_GRANTED: "Licenses",
  LICENSE_PROVISIONED: "Licenses",
  LICENSE_SUSPENDED: "Licenses",
  LICENSE_REINSTATED: "Licenses",
  LICENSE_TRANSFERRED: "Licenses",
  LICENSE_SITE_CHANGED: "Licenses",
  LICENSE_EXPIRY_CHANGED: "Licenses",
  LICENSE_KEY_ROTATED: "Licenses",
  LICENSE_CERTIFICATE_ISSUED: "Licenses",
  LICENSE_EXPIRED: "Licenses",
  LICENSE_REVOKED: "Licenses",
  THEME_FILE_DOWNLOADED: "Downloads",
  REPORT_DOWNLOADED: "Downloads",
  INVOICE_DOWNLOADED: "Downloads",
  API_KEY_GENERATED: "API keys",
  API_KEY_CLAIMED: "API keys",
  API_KEY_ROTATED: "API keys",
  API_KEY_UPDATED: "API keys",
  API_KEY_EXPIRED: "API keys",
  API_KEY_REVOKED: "API keys",
  API_CALLED: "API keys",
  BILLING_DETAILS_CHANGED: "Billing",
  INVOICE_ISSUED: "Billing",
  INVOICE_PAID: "Billing",
  INVOICE_VOIDED: "Billing",
  AUDIT_LOG_PRUNED: "Audit log",
  AUDIT_STREAM_CREATED: "Audit log",
  AUDIT_STREAM_UPDATED: "Audit log",
  AUDIT_STREAM_PAUSED: "Audit log",
  AUDIT_STREAM_DELETED: "Audit log",
};

/** By topic. */
export const ACTION_CHOICES = (Object.keys(TOPICS) as Known<AuditAction>[]).map((value) => ({
  value,
  label: wordsOf(value),
  description: TOPICS[value],
}));

const CREDENTIALS: Record<Known<CredentialKind>, string> = {
  SESSION: "Session",
  API_KEY: "API key",
  INVITATION: "Link of an invitation",
  OPERATOR: "Operator's command line",
  LICENSE_KEY: "License key of a site",
};

export const CREDENTIAL_CHOICES = choicesOf(CREDENTIALS);

const FIELDS: Record<Known<AuditField>, string> = {
  SUMMARY: "Sentence that describes the event",
  ACTOR_NAME: "Name of who acted",
  CREDENTIAL_LABEL: "Name of the API key or device",
  TARGET_NAME: "Name of what the event is about",
  IP: "IP address",
  USER_AGENT: "Browser",
  DETAILS: "Names, addresses and texts in the details",
};

/** Personal fields, which an export can withhold. */
export const FIELD_CHOICES = choicesOf(FIELDS);

/** Types of the API that events are about. */
export const TARGET_TYPE_CHOICES = [
  ...["Account", "ApiKey", "AuditStream", "Entitlement", "Invitation", "Invoice", "License", "Member"],
  ...["Theme", "ThemeFile", "ThemeRelease"],
].map((value) => ({ value, label: typeWords(value) }));

/** Of an enum's value: `API_KEY_ROTATED` is "API key rotated". */
export function wordsOf(value: string): string {
  return sentence(value.toLowerCase().replaceAll("_", " "));
}

/** Of a type or a field's name: `auditStream` is "Audit stream". */
export function typeWords(name: string): string {
  return sentence(name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase());
}

function sentence(words: string): string {
  return words.replace(/^./, (first) => first.toUpperCase()).replace(/\b(api|ip|id)\b/gi, (word) => word.toUpperCase());
}

function choicesOf<Value extends string>(labels: Record<Value, string>): readonly { readonly value: Value; readonly label: string }[] {
  return (Object.keys(labels) as Value[]).map((value) => ({ value, label: labels[value] }));
}
