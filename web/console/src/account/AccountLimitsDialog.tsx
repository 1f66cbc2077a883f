import { graphql } from "react-relay/hooks";
import type { AccountLimitsDialogMutation } from "../__generated__/AccountLimitsDialogMutation.graphql";
import type { LimitsPanel_account$data } from "../__generated__/LimitsPanel_account.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";

interface Props {
  readonly accountId: string;
  readonly limits: LimitsPanel_account$data["limits"];
  readonly onClose: () => void;
}

export function AccountLimitsDialog({ accountId, limits, onClose }: Props) {
  const [{ licenses, spend }, change] = useEdits(`account-limits:${accountId}`, {
    licenses: limits.maxActiveLicenses?.toString() ?? "",
    spend: limits.maxMonthlySpend?.amount ?? "",
  });
  const currency = (limits.maxMonthlySpend ?? limits.spentThisMonth)?.currency;
  const [setLimits] = useChange<AccountLimitsDialogMutation>(graphql`
    mutation AccountLimitsDialogMutation($input: SetAccountLimitsInput!) {
      setAccountLimits(input: $input) {
        account {
          id
          limits {
            maxActiveLicenses
            maxMonthlySpend {
              amount
              currency
            }
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
    const maxActiveLicenses = licenses.trim();
    const maxMonthlySpend = spend.trim();
    const problems = [];
    if (!/^\d*$/.test(maxActiveLicenses)) {
      problems.push({ message: "Enter a whole number, or nothing for no limit.", path: ["maxActiveLicenses"] });
    }
    if (!/^(\d+(\.\d{1,2})?)?$/.test(maxMonthlySpend)) {
      problems.push({ message: "Enter an amount such as 250 or 250.50, or nothing for no limit.", path: ["maxMonthlySpend"] });
    }
    if (problems.length > 0) return problems;
    const { setAccountLimits } = await setLimits({
      input: {
        accountId,
        maxActiveLicenses: maxActiveLicenses === "" ? null : Number(maxActiveLicenses),
        maxMonthlySpend: maxMonthlySpend === "" ? null : maxMonthlySpend,
      },
    });
    const refusals = setAccountLimits?.userErrors ?? [];
    if (refusals.length === 0) showSuccess("The limits of the account were changed.");
    return refusals;
  }

  return (
    <FormDialog
      title="Limits of the account"
      submitLabel="Save"
      fieldNames={["maxActiveLicenses", "maxMonthlySpend"]}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        Below what is used already, nothing ends: licenses stay active and invoices stay. New licenses and purchases are refused
        until there is room again.
      </p>
      <TextField
        name="maxActiveLicenses"
        label="Most active licenses"
        description={`Leave it empty for no limit. ${limits.activeLicenses.toLocaleString()} are active now.`}
        inputMode="numeric"
        autoFocus
        maxLength={9}
        value={licenses}
        onChange={(text) => change({ licenses: text })}
      />
      <TextField
        name="maxMonthlySpend"
        label={currency === undefined ? "Most purchases in a month" : `Most purchases in a month, in ${currency}`}
        description="Including tax, in a calendar month of UTC. Leave it empty for no limit."
        inputMode="decimal"
        maxLength={20}
        value={spend}
        onChange={(text) => change({ spend: text })}
      />
    </FormDialog>
  );
}
