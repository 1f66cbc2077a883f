import "./you.css";
import type { ReactNode } from "react";
import { PageHeader } from "../ui/PageHeader";

interface Props {
  readonly title: string;
  readonly lead: string;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

/** One of the pages about the person: a column of a readable width. */
export function YouPage({ title, lead, action, children }: Props) {
  return (
    <div className="you">
      <PageHeader title={title} lead={lead}>
        {action}
      </PageHeader>
      {children}
    </div>
  );
}
