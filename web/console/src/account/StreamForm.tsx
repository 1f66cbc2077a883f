import { ActionField } from "../audit/ActionField";
import type { UserProblem } from "../relay/userErrors";
import { ChoiceField } from "../ui/ChoiceField";
import { DialogForm } from "../ui/DialogForm";
import { TextField } from "../ui/TextField";
import { SCOPE_CHOICES, START_CHOICES, type StreamSettings } from "./streamSettings";

interface Props {
  readonly settings: StreamSettings;
  readonly onChange: (changes: Partial<StreamSettings>) => void;
  /** Asks for the event with which deliveries start. */
  readonly isNew?: boolean;
  readonly hint?: string | undefined;
  readonly submitLabel: string;
  readonly onClose: () => void;
  readonly onSubmit: () => Promise<readonly UserProblem[]>;
}

export function StreamForm({ settings, onChange, isNew = false, hint, submitLabel, onClose, onSubmit }: Props) {
  return (
    <DialogForm
      submitLabel={submitLabel}
      fieldNames={["url", "actions", "afterSequence"]}
      onClose={onClose}
      onSubmit={onSubmit}
      {...(isNew ? { onSuccess: () => undefined } : {})}
    >
      {hint !== undefined && <p>{hint}</p>}
      <TextField
        name="url"
        label="URL"
        description="It must begin with https:// and be reachable from the internet. Events arrive as POST requests."
        type="url"
        inputMode="url"
        autoFocus
        placeholder="https://siem.example.com/audit"
        maxLength={2_000}
        value={settings.url}
        onChange={(url) => onChange({ url })}
      />
      <ChoiceField name="scope" label="Events" choices={SCOPE_CHOICES} value={settings.scope} onChange={(scope) => onChange({ scope })} />
      {settings.scope === "some" && (
        <ActionField selected={settings.actions} onChange={(actions) => onChange({ actions })} />
      )}
      {isNew && (
        <ChoiceField name="start" label="Start" choices={START_CHOICES} value={settings.start} onChange={(start) => onChange({ start })} />
      )}
      {isNew && settings.start === "after" && (
        <TextField
          name="afterSequence"
          label="After event number"
          description="The number of the last event that is not delivered. The audit log shows the numbers."
          inputMode="numeric"
          maxLength={15}
          value={settings.afterSequence}
          onChange={(afterSequence) => onChange({ afterSequence })}
        />
      )}
    </DialogForm>
  );
}
