import { useState } from "react";
import { Link } from "wouter";
import { accountUrl } from "../pages";
import type { Membership } from "../relay/types";
import { roleTitle } from "../roles";
import { SearchField } from "../ui/SearchField";

const MOST_WITHOUT_SEARCH = 8;

export function AccountList({ memberships }: { readonly memberships: readonly Membership[] }) {
  const [search, setSearch] = useState("");
  const text = search.trim().toLowerCase();
  const shown = memberships.filter(({ account }) => account.name.toLowerCase().includes(text));
  return (
    <>
      {memberships.length > MOST_WITHOUT_SEARCH && (
        <SearchField label="Search accounts" placeholder="Search accounts" value={search} onChange={setSearch} />
      )}
      <ul className="account-list" aria-label="Your accounts">
        {shown.map(({ id, role, account }) => (
          <li key={id}>
            <Link href={accountUrl(account.slug)}>
              <strong>{account.name}</strong>
              <span className="hint">{account.reauthenticationRequired ? "Sign-in required" : roleTitle(role)}</span>
            </Link>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className="hint">No account has a name like this.</p>}
    </>
  );
}
