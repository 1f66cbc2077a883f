import { TextField } from "../ui/TextField";

interface Props {
  readonly description?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Networks from which a key is accepted, one on a line. */
export function NetworksField({ description = "", value, onChange }: Props) {
  return (
    <TextField
      name="allowedNetworks"
      label="Allowed networks (optional)"
      description={`One on a line, such as 203.0.113.0/24 or 2001:db8::/32. Leave it empty to accept the key from anywhere. ${description}`.trim()}
      placeholder="203.0.113.0/24"
      rows={2}
      value={value}
      onChange={onChange}
    />
  );
}

export function networksOf(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((network) => network !== "");
}
