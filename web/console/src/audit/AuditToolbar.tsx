import { useState } from "react";
import { Button } from "../ui/Button";
import type { Choice } from "../ui/ChoiceField";
import { SearchField } from "../ui/SearchField";
import { SelectField } from "../ui/SelectField";
import { FilterIcon } from "../ui/icons";
import { FilterDialog } from "./FilterDialog";
import { PERIOD_CHOICES, isSearchable, type AuditFilters, type Period } from "./auditFilters";

interface Props {
  readonly accountId: string;
  readonly seesAll: boolean;
  readonly filters: AuditFilters;
  readonly onChange: (changes: AuditFilters) => void;
}

const OUTCOMES: readonly Choice<"ALL" | "ALLOWED" | "DENIED">[] = [
  { value: "ALL", label: "All" },
  { value: "ALLOWED", label: "Performed" },
  { value: "DENIED", label: "Denied" },
];
const ANY_TIME: Choice<Period | "any" | "other"> = { value: "any", label: "Any time" };
const OTHER_TIME: Choice<Period | "any" | "other"> = { value: "other", label: "As chosen" };

export function AuditToolbar({ accountId, seesAll, filters, onChange }: Props) {
  const [isChoosing, setIsChoosing] = useState(false);
  const { text = "", outcome, period, occurredFrom, occurredUntil } = filters;
  const hasTimes = Boolean(occurredFrom ?? occurredUntil);
  return (
    <>
      <search className="toolbar audit-toolbar">
        <SearchField
          label="Search events"
          placeholder="Text of the event"
          value={text ?? ""}
          onChange={(value) => onChange({ text: value })}
        />
        <SelectField
          label="Time"
          choices={[ANY_TIME, ...PERIOD_CHOICES, ...(hasTimes ? [OTHER_TIME] : [])]}
          value={hasTimes ? "other" : (period ?? "any")}
          onChange={(value) => value !== "other" && onChange(timesOf(value))}
        />
        <SelectField
          label="Outcome"
          choices={OUTCOMES}
          value={outcome === "ALLOWED" || outcome === "DENIED" ? outcome : "ALL"}
          onChange={(value) => onChange({ outcome: value === "ALL" ? undefined : value })}
        />
        <Button onPress={() => setIsChoosing(true)}>
          <FilterIcon /> Filters
        </Button>
      </search>
      {text !== "" && !isSearchable(text) && (
        <p className="hint audit-hint" role="status">
          Enter at least three letters to search.
        </p>
      )}
      {isChoosing && (
        <FilterDialog
          accountId={accountId}
          seesAll={seesAll}
          filters={filters}
          onApply={onChange}
          onClose={() => setIsChoosing(false)}
        />
      )}
    </>
  );
}

function timesOf(value: Period | "any"): AuditFilters {
  return { period: value === "any" ? undefined : value, occurredFrom: undefined, occurredUntil: undefined };
}
