import { Suspense, lazy, useRef, useState } from "react";
import { Button } from "react-aria-components";
import type { Membership } from "../relay/types";
import { ChevronIcon } from "../ui/icons";

interface Props {
  readonly memberships: readonly Membership[];
  readonly current: Membership;
}

const loadMenu = () => import("./AccountMenu");
const AccountMenu = lazy(loadMenu);

/** The open account, and a menu of the person's others. */
export function AccountSwitcher({ memberships, current }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button
        ref={button}
        className="account-button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onHoverStart={() => void loadMenu()}
        onPress={() => setIsOpen(!isOpen)}
      >
        <strong>{current.account.name}</strong>
        <span className="visually-hidden">Switch account</span>
        <ChevronIcon />
      </Button>
      {isOpen && (
        <Suspense>
          <AccountMenu memberships={memberships} current={current} button={button} onClose={() => setIsOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
