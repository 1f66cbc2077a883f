import { Button, Input, Label, SearchField as AriaSearchField } from "react-aria-components";
import { CrossIcon, SearchIcon } from "./icons";

interface Props {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly autoFocus?: boolean;
  readonly onChange: (value: string) => void;
}

export function SearchField({ label, placeholder, ...props }: Props) {
  return (
    <AriaSearchField {...props} className="search-field" maxLength={200}>
      <Label className="visually-hidden">{label}</Label>
      <SearchIcon />
      <Input placeholder={placeholder} />
      <Button className="icon-button">
        <CrossIcon />
      </Button>
    </AriaSearchField>
  );
}
