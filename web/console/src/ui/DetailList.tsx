import type { ReactNode } from "react";

/** What is known about one thing: `Detail` elements, each a term with its value. */
export function DetailList({ children }: { readonly children: ReactNode }) {
  return <dl className="detail-list">{children}</dl>;
}

interface DetailProps {
  readonly term: string;
  readonly children: ReactNode;
}

export function Detail({ term, children }: DetailProps) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
