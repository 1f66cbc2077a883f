import { graphql } from "react-relay/hooks";
import type { SuspendLicenseDialogMutation } from "../__generated__/SuspendLicenseDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { LicenseReasonDialog } from "./LicenseReasonDialog";
import type { LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

export function SuspendLicenseDialog({ license, onClose }: Props) {
  const [suspend] = useChange<SuspendLicenseDialogMutation>(graphql`
    mutation SuspendLicenseDialogMutation($input: SuspendLicenseInput!) {
      suspendLicense(input: $input) {
        license {
          id
          status
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  return (
    <LicenseReasonDialog
      license={license}
      verb="Suspend"
      participle="suspended"
      consequences={
        `The theme on ${license.site} is answered SUSPENDED at its next check, until the license is reinstated. It still uses a` +
        ` purchased license. ${license.holder.name}, who holds it, is told by email.`
      }
      reasonHint="Is stored in the audit log."
      onSubmit={async (reason) => (await suspend({ input: { licenseId: license.id, reason } })).suspendLicense?.userErrors ?? []}
      onClose={onClose}
    />
  );
}
