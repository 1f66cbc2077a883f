import type { ReactNode } from "react";

interface Props {
  readonly kind: "good" | "warning" | "bad";
  readonly children: ReactNode;
}

/** A message that screen readers announce when it appears; a problem interrupts them. */
export function Notice({ kind, children }: Props) {
  return (
    <div className={`notice notice-${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
