import { graphql } from "react-relay/hooks";
import type { SecurityFormMutation } from "../__generated__/SecurityFormMutation.graphql";
import type { SecurityPanel_account$data } from "../__generated__/SecurityPanel_account.graphql";
import { useChange } from "../relay/useChange";
import { DialogForm } from "../ui/DialogForm";
import { Notice } from "../ui/Notice";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import { inSeconds, inUnits, type Unit } from "./durations";
import { DurationField } from "./DurationField";
import { wholeNumber, wholeNumberProblems } from "./wholeNumbers";

export interface SecurityFormProps {
  readonly accountId: string;
  readonly policy: NonNullable<SecurityPanel_account$data["securityPolicy"]>;
  /** When the session of this browser began. */
  readonly signedInAt: Date | null;
  readonly onClose: () => void;
}

const DEFAULT_UNIT: Unit = "hours";

export function SecurityForm({ accountId, policy, signedInAt, onClose }: SecurityFormProps) {
  const [{ count, unit, lifetime, unused }, change] = useEdits(`security:${accountId}`, draftOf(policy));
  const sessionCount = wholeNumber(count);
  const maxSessionAgeSeconds = sessionCount === null ? null : inSeconds(sessionCount, unit);
  const endsOwnSession =
    maxSessionAgeSeconds !== null && signedInAt !== null && Date.now() - signedInAt.getTime() > maxSessionAgeSeconds * 1_000;
  const [setPolicy] = useChange<SecurityFormMutation>(graphql`
    mutation SecurityFormMutation($input: SetSecurityPolicyInput!, $readsBack: Boolean!) {
      setSecurityPolicy(input: $input) {
        account @include(if: $readsBack) {
          id
          securityPolicy {
            maxSessionAgeSeconds
            apiKeyMaxLifetimeDays
            apiKeyRevokeUnusedAfterDays
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const problems = wholeNumberProblems({ maxSessionAgeSeconds: count, apiKeyMaxLifetimeDays: lifetime, apiKeyRevokeUnusedAfterDays: unused });
    if (problems.length > 0) return problems;
    const { setSecurityPolicy } = await setPolicy({
      input: {
        accountId,
        maxSessionAgeSeconds,
        apiKeyMaxLifetimeDays: wholeNumber(lifetime),
        apiKeyRevokeUnusedAfterDays: wholeNumber(unused),
      },
      // The account answers a session that has become too old with an error, though the change was made.
      readsBack: !endsOwnSession,
    });
    const refusals = setSecurityPolicy?.userErrors ?? [];
    if (refusals.length === 0) showSuccess("The security policy was changed.");
    return refusals;
  }

  return (
    <DialogForm
      submitLabel="Save"
      fieldNames={["maxSessionAgeSeconds", "apiKeyMaxLifetimeDays", "apiKeyRevokeUnusedAfterDays"]}
      onClose={onClose}
      onSubmit={submit}
    >
      <DurationField
        name="maxSessionAgeSeconds"
        label="Sign in again after"
        description="Leave it empty for no rule."
        hint="People who signed in longer ago must do so again at once. The page that they have open asks them, and keeps what they entered. Other accounts and API keys are not concerned."
        count={count}
        unit={unit}
        onCountChange={(text) => change({ count: text })}
        onUnitChange={(value) => change({ unit: value })}
      />
      {endsOwnSession && (
        <Notice kind="warning">
          <p>Your own session is older than that: you must sign in again as soon as this is saved.</p>
        </Notice>
      )}
      <TextField
        name="apiKeyMaxLifetimeDays"
        label="Longest lifetime of an API key, in days"
        description="Leave it empty for no rule. Keys that would work longer expire that long after they were generated, which can be at once. Their members are emailed."
        inputMode="numeric"
        maxLength={4}
        value={lifetime}
        onChange={(text) => change({ lifetime: text })}
      />
      <TextField
        name="apiKeyRevokeUnusedAfterDays"
        label="Revoke an API key that was not used for, in days"
        description="Leave it empty for no rule. Members are emailed 7 days before; any call in between keeps the key."
        inputMode="numeric"
        maxLength={4}
        value={unused}
        onChange={(text) => change({ unused: text })}
      />
    </DialogForm>
  );
}

interface Draft {
  readonly count: string;
  readonly unit: Unit;
  readonly lifetime: string;
  readonly unused: string;
}

function draftOf({ maxSessionAgeSeconds, apiKeyMaxLifetimeDays, apiKeyRevokeUnusedAfterDays }: SecurityFormProps["policy"]): Draft {
  const age = typeof maxSessionAgeSeconds === "number" ? inUnits(maxSessionAgeSeconds) : null;
  return {
    count: age?.count.toString() ?? "",
    unit: age?.unit ?? DEFAULT_UNIT,
    lifetime: apiKeyMaxLifetimeDays?.toString() ?? "",
    unused: apiKeyRevokeUnusedAfterDays?.toString() ?? "",
  };
}
