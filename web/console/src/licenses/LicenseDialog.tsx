import { CertificateDialog } from "./CertificateDialog";
import { LicenseExpiryDialog } from "./LicenseExpiryDialog";
import { RevokeLicenseDialog } from "./RevokeLicenseDialog";
import { RotateLicenseKeyDialog } from "./RotateLicenseKeyDialog";
import { LicenseSiteDialog } from "./LicenseSiteDialog";
import { SuspendLicenseDialog } from "./SuspendLicenseDialog";
import { TransferLicenseDialog } from "./TransferLicenseDialog";
import type { LicenseActName, LicenseSubject } from "./licenseActs";

interface Props {
  readonly act: LicenseActName;
  readonly license: LicenseSubject;
  readonly accountId: string;
  readonly onClose: () => void;
}

export function LicenseDialog({ act, license, accountId, onClose }: Props) {
  switch (act) {
    case "site":
      return <LicenseSiteDialog license={license} onClose={onClose} />;
    case "rotate":
      return <RotateLicenseKeyDialog license={license} onClose={onClose} />;
    case "certify":
      return <CertificateDialog license={license} onClose={onClose} />;
    case "transfer":
      return <TransferLicenseDialog license={license} accountId={accountId} onClose={onClose} />;
    case "expiry":
      return <LicenseExpiryDialog license={license} onClose={onClose} />;
    case "suspend":
      return <SuspendLicenseDialog license={license} onClose={onClose} />;
    case "revoke":
      return <RevokeLicenseDialog license={license} onClose={onClose} />;
    case "reinstate":
      return null;
  }
}
