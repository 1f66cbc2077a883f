import { useId, type ReactNode } from "react";

interface Props {
  readonly title: string;
  readonly hint?: ReactNode;
  /** What the person can do with what is in the panel. */
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page, with a heading of its own. */
export function Panel({ title, hint, action, children }: Props) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id}>
      <header className="panel-header">
        <div>
          <h2 id={id}>{title}</h2>
          {hint !== undefined && <p className="hint">{hint}</p>}
        </div>
        {action}
      </header>
      {children}
    </section>
  );
}
