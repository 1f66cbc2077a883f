import { useEffect, useState } from "react";
import { Button } from "./Button";
import { CheckIcon, CopyIcon } from "./icons";
import { showFailure } from "./toasts";

interface Props {
  /** What is copied, such as "the license key". */
  readonly name: string;
  readonly text: string;
}

const SHOWN_MILLISECONDS = 2_500;

/** Copies a text, and says so. */
export function CopyButton({ name, text }: Props) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setIsCopied(false), SHOWN_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [isCopied]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setIsCopied(true);
    } catch {
      // Without HTTPS, or where the person has forbidden it.
      showFailure(`The browser does not let this page copy ${name}. Select the text and copy it yourself.`);
    }
  }

  return (
    <span className="copy-button">
      <Button aria-label={isCopied ? `Copied ${name}` : `Copy ${name}`} onPress={() => void copy()}>
        {isCopied ? <CheckIcon /> : <CopyIcon />} {isCopied ? "Copied" : "Copy"}
      </Button>
      <span className="visually-hidden" role="status">
        {isCopied && `Copied ${name}`}
      </span>
    </span>
  );
}
