import { saveText } from "../relay/useDownload";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Notice } from "../ui/Notice";
import { Time } from "../ui/Time";
import type { Certificate } from "./CertificateForm";
import type { LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly certificate: Certificate;
  readonly onClose: () => void;
}

export function IssuedCertificate({ license, certificate: { text, expiresAt }, onClose }: Props) {
  return (
    <>
      <Notice kind="good">
        <p>
          The certificate is valid until <Time value={expiresAt} />. It is not stored: download or copy it now.
        </p>
      </Notice>
      <div className="license-certificate">
        <CopyText name="the certificate" text={text} />
      </div>
      <footer className="dialog-footer">
        <Button kind="quiet" onPress={onClose}>
          Done
        </Button>
        <Button kind="primary" autoFocus onPress={() => saveText(text, `${license.site}.jwt`, "application/jwt")}>
          Download
        </Button>
      </footer>
    </>
  );
}
