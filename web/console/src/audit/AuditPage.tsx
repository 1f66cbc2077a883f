import "./audit.css";
import { useState } from "react";
import type { PageProps } from "../pages";
import { usePageTitle } from "../shell/usePageTitle";
import { Button } from "../ui/Button";
import { QueryBoundary } from "../ui/QueryBoundary";
import { DownloadIcon } from "../ui/icons";
import { AuditLog } from "./AuditLog";
import { EventDialog } from "./EventDialog";
import { ExportDialog } from "./ExportDialog";
import { Integrity } from "./Integrity";

/** The account's audit log; for Members, their own part of it. */
export default function AuditPage({ accountId, permissions }: PageProps) {
  const heading = usePageTitle("Audit log");
  const [isExporting, setIsExporting] = useState(false);
  const seesAll = permissions.has("VIEW_AUDIT_LOG");

  return (
    <>
      <header className="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            Audit log
          </h1>
          <p className="lead">
            {seesAll ? "Who did what in this account, and when. No event can be changed." : "What you did in this account, and when."}
          </p>
        </div>
        {permissions.has("DOWNLOAD_REPORTS") && (
          <Button onPress={() => setIsExporting(true)}>
            <DownloadIcon /> Export
          </Button>
        )}
      </header>
      {seesAll && (
        <QueryBoundary>
          <Integrity accountId={accountId} />
        </QueryBoundary>
      )}
      <AuditLog accountId={accountId} seesAll={seesAll} />
      <EventDialog seesAll={seesAll} />
      {isExporting && <ExportDialog accountId={accountId} seesAll={seesAll} onClose={() => setIsExporting(false)} />}
    </>
  );
}
