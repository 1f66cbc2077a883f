import { DateTimeField } from "../ui/DateTimeField";
import { SelectField } from "../ui/SelectField";
import { expiryChoices, type Expiry } from "./expiryChoices";

interface Props {
  /** Longest lifetime that the account allows, or null. */
  readonly maxDays: number | null;
  readonly expiry: Expiry;
  /** The time that is entered, as the browser's control has it. */
  readonly entered: string;
  readonly onChange: (changes: { readonly expiry?: Expiry; readonly entered?: string }) => void;
}

export function ExpiryField({ maxDays, expiry, entered, onChange }: Props) {
  return (
    <>
      <div className="field">
        <SelectField
          label="Expires"
          choices={expiryChoices(maxDays)}
          value={expiry}
          onChange={(choice) => onChange({ expiry: choice })}
        />
        <span className="hint">The member is emailed 7 days before.</span>
      </div>
      {expiry === "custom" && (
        <DateTimeField name="expiresAt" label="Expires at" value={entered} onChange={(value) => onChange({ entered: value })} />
      )}
    </>
  );
}
