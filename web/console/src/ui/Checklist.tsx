import type { ReactNode } from "react";
import { Checkbox, CheckboxGroup, FieldError, Label } from "react-aria-components";
import type { Choice } from "./ChoiceField";

interface Props<Value extends string> {
  readonly label: string;
  readonly choices: readonly Choice<Value>[];
  readonly selected: readonly Value[];
  readonly onChange: (values: readonly Value[]) => void;
  /** Of the field whose problem the form shows here. */
  readonly name?: string;
  /** Above the choices, such as a search for them. */
  readonly children?: ReactNode;
}

/** Any number of choices, which scroll where they are many. */
export function Checklist<Value extends string>({ label, choices, selected, onChange, name, children }: Props<Value>) {
  return (
    <CheckboxGroup name={name} className="field" value={[...selected]} onChange={(values) => onChange(values as Value[])}>
      <Label>{label}</Label>
      {children}
      <div className="checklist">
        {choices.map(({ value, label: text, description }) => (
          <Checkbox key={value} value={value} className="checkbox">
            <span className="checkbox-box" aria-hidden="true" />
            <span className="checkbox-label">
              {text}
              {description !== undefined && <span className="hint">{description}</span>}
            </span>
          </Checkbox>
        ))}
      </div>
      <FieldError className="field-error" />
    </CheckboxGroup>
  );
}
