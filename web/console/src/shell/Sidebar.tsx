import type { ReactNode } from "react";
import type { Viewer } from "../relay/types";
import { SidebarPerson } from "./SidebarPerson";
import { Wordmark } from "./Wordmark";

interface Props {
  readonly viewer: Viewer;
  /** Under the person's name. */
  readonly hint: string;
  readonly children: ReactNode;
}

/** What stands beside every page of a person who is signed in. */
export function Sidebar({ viewer, hint, children }: Props) {
  return (
    <header className="sidebar">
      <Wordmark />
      {children}
      <SidebarPerson name={viewer.user.name} hint={hint} />
    </header>
  );
}
