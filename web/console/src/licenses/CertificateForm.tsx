import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { CertificateFormMutation } from "../__generated__/CertificateFormMutation.graphql";
import { useChange } from "../relay/useChange";
import { DialogForm } from "../ui/DialogForm";
import { SelectField } from "../ui/SelectField";
import type { LicenseSubject } from "./licenseActs";

export interface Certificate {
  /** A JSON Web Token. */
  readonly text: string;
  readonly expiresAt: string;
}

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
  readonly onIssued: (certificate: Certificate) => void;
}

const LIFETIMES = [
  { value: "1", label: "1 day" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "366", label: "366 days" },
] as const;
const DAY_SECONDS = 86_400;

export function CertificateForm({ license, onClose, onIssued }: Props) {
  const [days, setDays] = useState<(typeof LIFETIMES)[number]["value"]>("30");
  const [issue] = useChange<CertificateFormMutation>(graphql`
    mutation CertificateFormMutation($input: IssueLicenseCertificateInput!) {
      issueLicenseCertificate(input: $input) {
        certificate
        expiresAt
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { issueLicenseCertificate } = await issue({
      input: { licenseId: license.id, lifetimeSeconds: Number(days) * DAY_SECONDS },
    });
    const { certificate, expiresAt, userErrors = [] } = issueLicenseCertificate ?? {};
    if (certificate && expiresAt) onIssued({ text: certificate, expiresAt });
    return userErrors;
  }

  return (
    <DialogForm submitLabel="Issue" onClose={onClose} onSubmit={submit} onSuccess={() => undefined}>
      <p>
        With a certificate, the theme on {license.site} verifies its license without a network. <strong>Nothing ends it earlier:</strong>{" "}
        it stays valid when the license is revoked, suspended or moved. So choose the shortest time after which somebody can bring a
        new one.
      </p>
      <SelectField label="Valid for" choices={LIFETIMES} value={days} onChange={setDays} />
      {typeof license.expiresAt === "string" && <p className="hint">It ends with the license at the latest.</p>}
    </DialogForm>
  );
}
