import { useState } from "react";
import { SelectField } from "../ui/SelectField";
import type { Choice } from "../ui/ChoiceField";
import { QueryBoundary } from "../ui/QueryBoundary";
import { Usage } from "./Usage";

type Period = "7" | "30" | "90";

const PERIOD_CHOICES: readonly Choice<Period>[] = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
];

/** Calls with a key by day. */
export function UsageSection({ keyId }: { readonly keyId: string }) {
  const [period, setPeriod] = useState<Period>("30");
  return (
    <section className="panel" aria-labelledby="usage-heading">
      <header className="usage-header">
        <h2 id="usage-heading">Use by day</h2>
        <SelectField label="Period" choices={PERIOD_CHOICES} value={period} onChange={setPeriod} />
      </header>
      <QueryBoundary>
        <Usage keyId={keyId} days={Number(period)} />
      </QueryBoundary>
    </section>
  );
}
