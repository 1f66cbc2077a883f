import { useState, type RefObject } from "react";
import { Autocomplete, Menu, MenuItem, Popover, RouterProvider, Separator, useFilter } from "react-aria-components";
import { useLocation } from "wouter";
import { ACCOUNTS_URL, accountUrl } from "../pages";
import type { Membership } from "../relay/types";
import { roleTitle } from "../roles";
import { SearchField } from "../ui/SearchField";
import { CheckIcon, PlusIcon } from "../ui/icons";

interface Props {
  readonly memberships: readonly Membership[];
  readonly current: Membership;
  readonly button: RefObject<HTMLButtonElement | null>;
  readonly onClose: () => void;
}

const MOST_WITHOUT_SEARCH = 8;
const CREATE = "create";

/** The person's accounts. Each is a link, which a new tab can open as well. */
export default function AccountMenu({ memberships, current, button, onClose }: Props) {
  const [, navigate] = useLocation();
  const [search, setSearch] = useState("");
  const { contains } = useFilter({ sensitivity: "base" });
  const hasSearch = memberships.length > MOST_WITHOUT_SEARCH;
  const menu = (
    <Menu className="menu" aria-label="Your accounts" autoFocus={hasSearch ? false : "first"} onClose={onClose}>
      {memberships.map((membership) => (
        <AccountItem key={membership.id} membership={membership} isCurrent={membership.id === current.id} />
      ))}
      <Separator className="menu-separator" />
      <MenuItem id={CREATE} href={ACCOUNTS_URL} textValue="Create another account" className="menu-item">
        <PlusIcon /> Create another account
      </MenuItem>
    </Menu>
  );
  return (
    <RouterProvider navigate={navigate}>
      <Popover
        className="popover account-popover"
        aria-label="Accounts"
        placement="bottom start"
        triggerRef={button}
        isOpen
        onOpenChange={(isOpen) => !isOpen && onClose()}
      >
        {hasSearch ? (
          <Autocomplete
            filter={(text, typed, node) => node.key === CREATE || contains(text, typed)}
            inputValue={search}
            onInputChange={setSearch}
          >
            <SearchField label="Search accounts" placeholder="Search accounts" value={search} onChange={setSearch} autoFocus />
            {menu}
          </Autocomplete>
        ) : (
          menu
        )}
      </Popover>
    </RouterProvider>
  );
}

function AccountItem({ membership, isCurrent }: { readonly membership: Membership; readonly isCurrent: boolean }) {
  const { id, role, account } = membership;
  return (
    <MenuItem id={id} href={accountUrl(account.slug)} textValue={account.name} className="menu-item account-item">
      <span>
        {account.name}{" "}
        <span className="hint">
          {account.reauthenticationRequired ? "Sign-in required" : roleTitle(role)}
          {isCurrent && ", open now"}
        </span>
      </span>
      {isCurrent && <CheckIcon />}
    </MenuItem>
  );
}
