import type { ReactNode } from "react";
import { usePageTitle } from "../shell/usePageTitle";

interface Props {
  readonly title: string;
  readonly lead: string;
  /** The page's main action. */
  readonly children?: ReactNode;
}

export function PageHeader({ title, lead, children }: Props) {
  const heading = usePageTitle(title);
  return (
    <header className="page-header">
      <div>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p className="lead">{lead}</p>
      </div>
      {children}
    </header>
  );
}
