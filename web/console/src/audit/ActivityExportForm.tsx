import type { ReportFormat } from "../__generated__/useReportMutation.graphql";
import { ChoiceField, type Choice } from "../ui/ChoiceField";
import { DateTimeField, toIso } from "../ui/DateTimeField";
import { DialogForm } from "../ui/DialogForm";
import type { Known } from "./labels";
import { useReport } from "../relay/useReport";
import { useEdits } from "../ui/useDraft";

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
}

const FORMATS: readonly Choice<Known<ReportFormat>>[] = [
  { value: "CSV", label: "CSV", description: "For spreadsheets." },
  { value: "PDF", label: "PDF", description: "For printing, up to 5,000 events." },
  { value: "NDJSON", label: "NDJSON", description: "For programs." },
];

const NOTHING_ENTERED: { readonly format: Known<ReportFormat>; readonly from: string; readonly until: string } = {
  format: "CSV",
  from: "",
  until: "",
};

/** What a Member can export: its own events about licenses and downloads. */
export function ActivityExportForm({ accountId, onClose }: Props) {
  const [{ format, from, until }, change] = useEdits(`activity-export:${accountId}`, NOTHING_ENTERED);
  const requestReport = useReport();
  const submit = () =>
    requestReport({ accountId, kind: "LICENSE_ACTIVITY", format, from: toIso(from), until: toIso(until) });

  return (
    <DialogForm submitLabel="Export" fieldNames={["format", "from", "until"]} onClose={onClose} onSubmit={submit}>
      <p>Your events about licenses and downloads.</p>
      <ChoiceField name="format" label="Format" choices={FORMATS} value={format} onChange={(value) => change({ format: value })} />
      <div className="field-pair">
        <DateTimeField name="from" label="From (optional)" value={from} onChange={(value) => change({ from: value })} />
        <DateTimeField name="until" label="Until (optional)" value={until} onChange={(value) => change({ until: value })} />
      </div>
    </DialogForm>
  );
}
