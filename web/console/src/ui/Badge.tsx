import type { ReactNode } from "react";

interface Props {
  readonly kind?: "plain" | "good" | "warning" | "bad" | "accent";
  readonly children: ReactNode;
}

export function Badge({ kind = "plain", children }: Props) {
  return <span className={`badge badge-${kind}`}>{children}</span>;
}
