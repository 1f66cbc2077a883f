import type { ReactNode } from "react";

interface Props {
  readonly name: string;
  readonly value: ReactNode;
  /** What it is about. */
  readonly children: ReactNode;
}

/** A number that the page is about. */
export function Figure({ name, value, children }: Props) {
  return (
    <div className="figure">
      <span className="hint">{name}</span>
      <strong className="figure-value">{value}</strong>
      {children}
    </div>
  );
}
