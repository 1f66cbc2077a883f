import { Link } from "wouter";
import { accountUrl } from "../pages";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Notice } from "../ui/Notice";
import type { NewLicense } from "./ProvisionForm";

interface Props {
  readonly slug: string;
  readonly license: NewLicense;
  readonly onClose: () => void;
  readonly onRepeat: () => void;
}

export function ProvisionedLicense({ slug, license: { id, site, themeName, key }, onClose, onRepeat }: Props) {
  return (
    <>
      <Notice kind="good">
        <p>
          {themeName} is licensed for {site}.
        </p>
      </Notice>
      {key === null ? (
        <p>The holder sees the key, and enters it on the site.</p>
      ) : (
        <>
          <p>Enter this key on the site. You find it again at the license.</p>
          <CopyText name="the license key" text={key} />
        </>
      )}
      <p>
        <Link href={accountUrl(slug, "licenses", id)}>Open the license</Link>
      </p>
      <footer className="dialog-footer">
        <Button kind="quiet" onPress={onRepeat}>
          Provision another
        </Button>
        <Button kind="primary" autoFocus onPress={onClose}>
          Done
        </Button>
      </footer>
    </>
  );
}
