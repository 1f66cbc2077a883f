import { graphql, useFragment } from "react-relay/hooks";
import type { PolicyHint_policy$key } from "../__generated__/PolicyHint_policy.graphql";

/** The account's rules for all keys, if it has any. */
export function PolicyHint({ policy }: { readonly policy: PolicyHint_policy$key }) {
  const { apiKeyMaxLifetimeDays, apiKeyRevokeUnusedAfterDays } = useFragment(
    graphql`
      fragment PolicyHint_policy on SecurityPolicy {
        apiKeyMaxLifetimeDays
        apiKeyRevokeUnusedAfterDays
      }
    `,
    policy,
  );
  const rules = [
    typeof apiKeyMaxLifetimeDays === "number" && `A key expires within ${daysText(apiKeyMaxLifetimeDays)}.`,
    typeof apiKeyRevokeUnusedAfterDays === "number" &&
      `A key that is not used for ${daysText(apiKeyRevokeUnusedAfterDays)} is revoked; its member is emailed before.`,
  ].filter((rule) => rule !== false);
  if (rules.length === 0) return null;
  return <p className="hint">Rules of this account: {rules.join(" ")}</p>;
}

export function daysText(days: number): string {
  return days === 1 ? "1 day" : `${days.toLocaleString()} days`;
}
