import { Checkbox } from "react-aria-components";

interface Props {
  readonly label: string;
  readonly isSelected: boolean;
  readonly isIndeterminate?: boolean;
  readonly isInTabOrder?: boolean;
  readonly onChange: (isSelected: boolean) => void;
}

/** Selects rows of the table. */
export function MemberCheckbox({ label, isInTabOrder = true, ...props }: Props) {
  return (
    <Checkbox {...props} aria-label={label} excludeFromTabOrder={!isInTabOrder} className="checkbox row-checkbox">
      <span className="checkbox-box" aria-hidden="true" />
    </Checkbox>
  );
}
