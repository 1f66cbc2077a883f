import { FieldError, Label, Radio, RadioGroup } from "react-aria-components";

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly description?: string;
}

interface Props<Value extends string> {
  readonly name: string;
  readonly label: string;
  readonly choices: readonly Choice<Value>[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** One of a few choices, each with what it means. */
export function ChoiceField<Value extends string>({ label, choices, onChange, ...props }: Props<Value>) {
  return (
    <RadioGroup {...props} onChange={(value) => onChange(value as Value)} className="field choices">
      <Label>{label}</Label>
      {choices.map((choice) => (
        <Radio key={choice.value} value={choice.value} className="choice">
          <span className="choice-dot" aria-hidden="true" />
          <span>
            <span className="choice-label">{choice.label}</span>
            {choice.description !== undefined && <span className="hint">{choice.description}</span>}
          </span>
        </Radio>
      ))}
      <FieldError className="field-error" />
    </RadioGroup>
  );
}
