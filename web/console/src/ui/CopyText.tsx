import { CopyButton } from "./CopyButton";

interface Props {
  /** What the text is, such as "the license key". */
  readonly name: string;
  readonly text: string;
}

/** A text for other programs, such as a key, and a button that copies it. */
export function CopyText({ name, text }: Props) {
  return (
    <div className="copy-text">
      <code>{text}</code>
      <CopyButton name={name} text={text} />
    </div>
  );
}
