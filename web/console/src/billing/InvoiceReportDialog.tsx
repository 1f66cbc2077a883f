import type { ReportFormat } from "../__generated__/useReportMutation.graphql";
import { useReport } from "../relay/useReport";
import { ChoiceField, type Choice } from "../ui/ChoiceField";
import { DateTimeField, toIso } from "../ui/DateTimeField";
import { FormDialog } from "../ui/FormDialog";
import { useEdits } from "../ui/useDraft";

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
}

type Format = Exclude<ReportFormat, "%future added value">;

const FORMATS: readonly Choice<Format>[] = [
  { value: "CSV", label: "CSV", description: "For spreadsheets and bookkeeping." },
  { value: "PDF", label: "PDF", description: "For printing." },
  { value: "NDJSON", label: "NDJSON", description: "For programs: one JSON object a line." },
];

const NOTHING_ENTERED: { readonly format: Format; readonly from: string; readonly until: string } = { format: "CSV", from: "", until: "" };

/** A list of the invoices of a period, as a file. */
export function InvoiceReportDialog({ accountId, onClose }: Props) {
  const [{ format, from, until }, change] = useEdits(`invoice-report:${accountId}`, NOTHING_ENTERED);
  const requestReport = useReport();
  return (
    <FormDialog
      title="Report of invoices"
      submitLabel="Download"
      fieldNames={["format", "from", "until"]}
      onClose={onClose}
      onSubmit={() => requestReport({ accountId, kind: "INVOICES", format, from: toIso(from), until: toIso(until) })}
    >
      <ChoiceField name="format" label="Format" choices={FORMATS} value={format} onChange={(value) => change({ format: value })} />
      <DateTimeField name="from" label="Issued from (optional)" value={from} onChange={(value) => change({ from: value })} />
      <DateTimeField name="until" label="Issued before (optional)" value={until} onChange={(value) => change({ until: value })} />
    </FormDialog>
  );
}
