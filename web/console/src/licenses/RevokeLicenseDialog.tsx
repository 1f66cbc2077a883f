import { graphql } from "react-relay/hooks";
import type { RevokeLicenseDialogMutation } from "../__generated__/RevokeLicenseDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { LicenseReasonDialog } from "./LicenseReasonDialog";
import type { LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

export function RevokeLicenseDialog({ license, onClose }: Props) {
  const isExpired = license.status === "EXPIRED";
  const [revoke] = useChange<RevokeLicenseDialogMutation>(graphql`
    mutation RevokeLicenseDialogMutation($input: RevokeLicenseInput!) {
      revokeLicense(input: $input) {
        license {
          id
          status
          revokedAt
          revokedReason
          revokedBy {
            id
            name
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  const consequences = [
    `This is final. The theme on ${license.site} is answered REVOKED at its next check.`,
    !isExpired && `The purchased license of ${license.theme.name} can be provisioned again.`,
    !isExpired && `${license.holder.name}, who holds it, is told by email.`,
    "Certificates that were issued stay valid until they end.",
  ].filter((sentence) => sentence !== false);
  return (
    <LicenseReasonDialog
      license={license}
      verb="Revoke"
      participle="revoked"
      consequences={consequences.join(" ")}
      reasonHint="Is stored with the license and in the audit log."
      onSubmit={async (reason) => (await revoke({ input: { licenseId: license.id, reason } })).revokeLicense?.userErrors ?? []}
      onClose={onClose}
    />
  );
}
