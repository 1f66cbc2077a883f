import { useState } from "react";
import { useSearchParams } from "wouter";
import type { PageProps } from "../pages";
import { Button } from "../ui/Button";
import { FilteredList } from "../ui/FilteredList";
import { SelectField } from "../ui/SelectField";
import { DownloadIcon } from "../ui/icons";
import { InvoiceReportDialog } from "./InvoiceReportDialog";
import { InvoiceTable } from "./InvoiceTable";
import { STATUS_CHOICES, type StatusFilter } from "./invoiceStatuses";

export function InvoicesView({ accountId, slug, permissions }: PageProps) {
  const [parameters, setParameters] = useSearchParams();
  const [isReporting, setIsReporting] = useState(false);
  const status = STATUS_CHOICES.find(({ value }) => value === parameters.get("status"))?.value ?? "ALL";
  function show(value: StatusFilter) {
    setParameters(value === "ALL" ? {} : { status: value }, { replace: true });
  }
  return (
    <>
      <search className="toolbar invoice-toolbar">
        <SelectField label="Status" choices={STATUS_CHOICES} value={status} onChange={show} />
        {permissions.has("DOWNLOAD_REPORTS") && (
          <Button onPress={() => setIsReporting(true)}>
            <DownloadIcon /> Report
          </Button>
        )}
      </search>
      <FilteredList filters={status}>
        {(shown, key) => <InvoiceTable key={key} accountId={accountId} slug={slug} permissions={permissions} status={shown} />}
      </FilteredList>
      {isReporting && <InvoiceReportDialog accountId={accountId} onClose={() => setIsReporting(false)} />}
    </>
  );
}
