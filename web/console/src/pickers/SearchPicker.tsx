import { useContext, useEffect, useState } from "react";
import { Button, ComboBox, FieldError, FormValidationContext, Input, Label, ListBox, ListBoxItem, Popover, Text } from "react-aria-components";
import { FieldChangeContext } from "../ui/SubmitForm";
import { ChevronIcon } from "../ui/icons";

/** What can be chosen. */
export interface Option {
  readonly id: string;
  readonly name: string;
  /** Says more about it, or why it cannot be chosen. */
  readonly note?: string;
  readonly isDisabled?: boolean;
}

export interface PickerProps {
  readonly label: string;
  /** Of the input's field, whose problem the form shows here. */
  readonly name?: string;
  readonly description?: string;
  /** Shown while nothing is chosen. */
  readonly placeholder: string;
  /** Name of what is chosen already. */
  readonly initialName?: string;
  readonly autoFocus?: boolean;
  /** Is called with null where the choice is withdrawn. */
  readonly onChange: (id: string | null, name: string | null) => void;
}

interface Props extends PickerProps {
  /** Asks the API. Is the same function while the answer to the same text is the same. */
  readonly search: (text: string) => Promise<readonly Option[]>;
  readonly emptyText: string;
}

const SEARCH_DELAY_MILLISECONDS = 150;

/** One entry of a list of any length, searched by the server while the person types. */
export function SearchPicker(props: Props) {
  const { label, name, description, placeholder, initialName = "", autoFocus, onChange, search, emptyText } = props;
  const [text, setText] = useState(initialName);
  const forgetProblem = useContext(FieldChangeContext);
  const problems = useContext(FormValidationContext);
  const hasProblem = name !== undefined && problems?.[name] !== undefined;
  // The name of what is chosen already is no search.
  const options = useOptions(search, text === initialName ? "" : text);
  return (
    <ComboBox
      className="field"
      name={name}
      items={options}
      inputValue={text}
      onInputChange={setText}
      onSelectionChange={(key) => {
        if (name !== undefined) forgetProblem(name);
        const option = options.find(({ id }) => id === key);
        onChange(option?.id ?? null, option?.name ?? null);
      }}
      // The list would cover the problem, which moves the focus here.
      menuTrigger={hasProblem ? "input" : "focus"}
      allowsEmptyCollection
      autoFocus={autoFocus}
    >
      <Label>{label}</Label>
      <div className="combo-box">
        <Input placeholder={placeholder} />
        <Button className="icon-button">
          <ChevronIcon />
        </Button>
      </div>
      {description !== undefined && (
        <Text slot="description" className="hint">
          {description}
        </Text>
      )}
      <FieldError className="field-error" />
      <Popover className="popover">
        {/* A landmark, since the list is outside of the others. */}
        <section aria-label={label}>
          <ListBox<Option> className="menu" renderEmptyState={() => <p className="menu-empty">{emptyText}</p>}>
            {(option) => (
              <ListBoxItem id={option.id} textValue={option.name} isDisabled={option.isDisabled} className="menu-item option">
                <Text slot="label">{option.name}</Text>
                {option.note !== undefined && (
                  <Text slot="description" className="hint">
                    {option.note}
                  </Text>
                )}
              </ListBoxItem>
            )}
          </ListBox>
        </section>
      </Popover>
    </ComboBox>
  );
}

function useOptions(search: Props["search"], text: string): readonly Option[] {
  const [options, setOptions] = useState<readonly Option[]>([]);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => {
      void search(text.trim())
        .then((found) => isCurrent && setOptions(found))
        .catch(() => undefined);
    }, SEARCH_DELAY_MILLISECONDS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [search, text]);
  return options;
}
