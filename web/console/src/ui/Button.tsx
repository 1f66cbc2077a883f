import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps } from "react-aria-components";

interface Props extends Omit<ButtonProps, "className" | "children" | "isPending"> {
  readonly kind?: "primary" | "secondary" | "quiet" | "danger";
  /** The action is running. The button keeps the focus and ignores presses; a form ignores a second submission itself. */
  readonly isBusy?: boolean;
  readonly children: ReactNode;
}

export function Button({ kind = "secondary", isBusy = false, onPress, children, ...props }: Props) {
  return (
    <AriaButton
      {...props}
      className={`button button-${kind}`}
      data-busy={isBusy || undefined}
      onPress={isBusy ? undefined : onPress}
    >
      {children}
      {isBusy && <span className="spinner" role="img" aria-label="in progress" />}
    </AriaButton>
  );
}
