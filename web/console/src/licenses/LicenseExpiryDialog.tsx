import { graphql } from "react-relay/hooks";
import type { LicenseExpiryDialogMutation } from "../__generated__/LicenseExpiryDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { DateTimeField, fromIso, toIso } from "../ui/DateTimeField";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import { licenseName, type LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

export function LicenseExpiryDialog({ license, onClose }: Props) {
  const isExpired = license.status === "EXPIRED";
  const saved = { expiry: isExpired ? "" : fromIso(license.expiresAt) };
  const [{ expiry }, change] = useEdits(`expiry:${license.id}`, saved);
  const [setLicenseExpiry] = useChange<LicenseExpiryDialogMutation>(graphql`
    mutation LicenseExpiryDialogMutation($input: SetLicenseExpiryInput!) {
      setLicenseExpiry(input: $input) {
        license {
          id
          status
          expiresAt
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const response = await setLicenseExpiry({ input: { licenseId: license.id, expiresAt: toIso(expiry) } });
    const problems = response.setLicenseExpiry?.userErrors ?? [];
    if (problems.length === 0) {
      showSuccess(expiry === "" ? `${licenseName(license)} does not expire.` : `${licenseName(license)} has a new expiry.`);
    }
    return problems;
  }

  return (
    <FormDialog title="Change the expiry" submitLabel="Save" fieldNames={["expiresAt"]} onClose={onClose} onSubmit={submit}>
      <p>
        {isExpired
          ? `The license becomes active again, for ${license.site}, and uses one purchased license of ${license.theme.name}.`
          : `When ${licenseName(license)} expires, it is no longer valid on its site, and its purchased license can be provisioned again.`}
      </p>
      <DateTimeField
        name="expiresAt"
        label="Expires"
        description="Leave it empty for no expiry."
        autoFocus
        value={expiry}
        onChange={(value) => change({ expiry: value })}
      />
    </FormDialog>
  );
}
