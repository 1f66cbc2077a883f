import {
  FieldError,
  Input,
  Label,
  Text,
  TextArea,
  TextField as AriaTextField,
  type TextFieldProps,
} from "react-aria-components";

interface Props extends Omit<TextFieldProps, "className" | "children"> {
  readonly label: string;
  readonly description?: string;
  /** Height of a text of several lines. If omitted, the text has one line. */
  readonly rows?: number;
  readonly placeholder?: string;
}

/** `name` is that of the input's field, whose problem the form shows here. */
export function TextField({ label, description, rows, placeholder, ...props }: Props) {
  return (
    <AriaTextField {...props} className="field">
      <Label>{label}</Label>
      {rows === undefined ? <Input placeholder={placeholder} /> : <TextArea rows={rows} placeholder={placeholder} />}
      {description !== undefined && (
        <Text slot="description" className="hint">
          {description}
        </Text>
      )}
      <FieldError className="field-error" />
    </AriaTextField>
  );
}
