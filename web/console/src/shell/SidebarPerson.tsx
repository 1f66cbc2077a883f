import { Link, useLocation } from "wouter";
import { PersonIcon } from "../ui/icons";
import { SignOutButton } from "./SignOutButton";

interface Props {
  readonly name: string;
  readonly hint: string;
}

/** Leads from every page to those about the person. */
export function SidebarPerson({ name, hint }: Props) {
  const [location] = useLocation();
  return (
    <div className="sidebar-person">
      <Link href="/you" className="person-link" aria-current={/^\/you(\/|$)/.test(location) ? "true" : undefined}>
        <PersonIcon />
        <span>
          <strong>{name}</strong>
          <span className="hint">{hint}</span>
        </span>
      </Link>
      <SignOutButton />
    </div>
  );
}
