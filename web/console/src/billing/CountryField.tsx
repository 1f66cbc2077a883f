import { Button, FieldError, Label, ListBox, ListBoxItem, Popover, Select, SelectValue } from "react-aria-components";
import { ChevronIcon } from "../ui/icons";
import { COUNTRY_CODES } from "./countryCodes";

interface Props {
  readonly name: string;
  readonly label: string;
  /** Code of two letters, or empty. */
  readonly value: string;
  readonly onChange: (code: string) => void;
}

interface Country {
  readonly id: string;
  readonly name: string;
}

const NONE = "none";
const NAMES = new Intl.DisplayNames(undefined, { type: "region" });
const COUNTRIES: readonly Country[] = [
  { id: NONE, name: "None" },
  ...COUNTRY_CODES.map((id) => ({ id, name: NAMES.of(id) ?? id })).sort((one, other) => one.name.localeCompare(other.name)),
];

/** A country by its name in the viewer's language. Typing finds it. */
export function CountryField({ name, label, value, onChange }: Props) {
  return (
    <Select
      className="field"
      name={name}
      value={value === "" ? NONE : value}
      onChange={(code) => onChange(code === NONE || code === null ? "" : String(code))}
    >
      <Label>{label}</Label>
      <Button className="select-button">
        <SelectValue />
        <ChevronIcon />
      </Button>
      <FieldError className="field-error" />
      <Popover className="popover">
        <section aria-label={label}>
          <ListBox<Country> className="menu" items={COUNTRIES}>
            {(country) => (
              <ListBoxItem className="menu-item" textValue={country.name}>
                {country.name}
              </ListBoxItem>
            )}
          </ListBox>
        </section>
      </Popover>
    </Select>
  );
}
