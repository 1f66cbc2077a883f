import { TextField } from "../ui/TextField";
import { SelectField } from "../ui/SelectField";
import { UNIT_CHOICES, type Unit } from "./durations";

interface Props {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** What the duration leads to. */
  readonly hint: string;
  readonly count: string;
  readonly unit: Unit;
  readonly onCountChange: (count: string) => void;
  readonly onUnitChange: (unit: Unit) => void;
}

/** A number, and the unit that it counts. */
export function DurationField({ name, label, description, hint, count, unit, onCountChange, onUnitChange }: Props) {
  const choices = unit === "seconds" ? [...UNIT_CHOICES, { value: unit, label: unit }] : UNIT_CHOICES;
  return (
    <div className="duration-field">
      <TextField
        name={name}
        label={label}
        description={description}
        inputMode="numeric"
        autoFocus
        maxLength={8}
        value={count}
        onChange={onCountChange}
      />
      <SelectField label="Unit" choices={choices} value={unit} onChange={onUnitChange} />
      <p className="hint">{hint}</p>
    </div>
  );
}
