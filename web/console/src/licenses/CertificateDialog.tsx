import { useState } from "react";
import { Dialog } from "../ui/Dialog";
import { CertificateForm, type Certificate } from "./CertificateForm";
import { IssuedCertificate } from "./IssuedCertificate";
import { licenseName, type LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

/** Asks how long the certificate is valid, then shows it. */
export function CertificateDialog({ license, onClose }: Props) {
  const [certificate, setCertificate] = useState<Certificate | null>(null);
  return (
    <Dialog title={`Certificate of ${licenseName(license)}`} onClose={onClose}>
      {certificate === null ? (
        <CertificateForm license={license} onClose={onClose} onIssued={setCertificate} />
      ) : (
        <IssuedCertificate license={license} certificate={certificate} onClose={onClose} />
      )}
    </Dialog>
  );
}
