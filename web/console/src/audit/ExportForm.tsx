import { useState } from "react";
import { Checkbox } from "react-aria-components";
import type { AuditField, ReportFormat } from "../__generated__/useReportMutation.graphql";
import { Checklist } from "../ui/Checklist";
import { ChoiceField, type Choice } from "../ui/ChoiceField";
import { DialogForm } from "../ui/DialogForm";
import { filterInput, hasFilters } from "./auditFilters";
import { FIELD_CHOICES, type Known } from "./labels";
import { useAuditFilters } from "./useAuditFilters";
import { useReport } from "../relay/useReport";

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
}

const FORMATS: readonly Choice<Known<ReportFormat>>[] = [
  { value: "NDJSON", label: "NDJSON", description: "With all hashes and salts, and signed: can be verified without this platform." },
  { value: "CSV", label: "CSV", description: "For spreadsheets. Proves nothing." },
  { value: "PDF", label: "PDF", description: "For printing, up to 5,000 events. Proves nothing." },
];

/** Export of the whole log, or of what the filters show. */
export function ExportForm({ accountId, onClose }: Props) {
  const [filters] = useAuditFilters();
  const isFiltered = hasFilters(filters);
  const [format, setFormat] = useState<Known<ReportFormat>>("NDJSON");
  const [usesFilters, setUsesFilters] = useState(isFiltered);
  const [withheld, setWithheld] = useState<readonly Known<AuditField>[]>([]);
  const requestReport = useReport();
  const submit = () =>
    requestReport({
      accountId,
      kind: "AUDIT_LOG",
      format,
      auditFilter: usesFilters ? filterInput(filters, new Date()) : null,
      withhold: format === "NDJSON" && withheld.length > 0 ? withheld : null,
    });

  return (
    <DialogForm submitLabel="Export" fieldNames={["format", "withhold"]} onClose={onClose} onSubmit={submit}>
      <ChoiceField name="format" label="Format" choices={FORMATS} value={format} onChange={setFormat} />
      {isFiltered && (
        <Checkbox className="checkbox" isSelected={usesFilters} onChange={setUsesFilters}>
          <span className="checkbox-box" aria-hidden="true" />
          <span>
            Only the events that the filters show
            <span className="hint"> A filtered export does not prove that nothing is missing.</span>
          </span>
        </Checkbox>
      )}
      {format === "NDJSON" && (
        <Checklist label="Withhold" name="withhold" choices={FIELD_CHOICES} selected={withheld} onChange={setWithheld} />
      )}
      {format === "NDJSON" && (
        <p className="hint">A withheld value is replaced by a commitment: the export still verifies, and nobody can guess it.</p>
      )}
    </DialogForm>
  );
}
