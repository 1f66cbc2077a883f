import { Checkbox, CheckboxGroup, FieldError, Label, Text } from "react-aria-components";
import { SCOPE_CHOICES, type Scope } from "./scopes";

interface Props {
  readonly description: string;
  /** Scopes to choose from. */
  readonly choices: readonly string[];
  readonly value: readonly Scope[];
  readonly onChange: (scopes: readonly Scope[]) => void;
}

/** What a program with the key may do. */
export function ScopeField({ description, choices, value, onChange }: Props) {
  return (
    <CheckboxGroup name="scopes" className="field choices" value={[...value]} onChange={(scopes) => onChange(scopes as Scope[])}>
      <Label>Scopes</Label>
      <Text slot="description" className="hint">
        {description}
      </Text>
      {SCOPE_CHOICES.filter((choice) => choices.includes(choice.value)).map((choice) => (
        <Checkbox key={choice.value} value={choice.value} className="choice">
          <span className="checkbox-box" aria-hidden="true" />
          <span>
            <span className="choice-label">{choice.label}</span>
            <span className="hint">{choice.description}</span>
          </span>
        </Checkbox>
      ))}
      <FieldError className="field-error" />
    </CheckboxGroup>
  );
}
