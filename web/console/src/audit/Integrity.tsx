import { useState, useTransition } from "react";
import { graphql } from "react-relay/hooks";
import type { IntegrityQuery } from "../__generated__/IntegrityQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { IntegrityDialog } from "./IntegrityDialog";
import { integrityState } from "./integrityState";

/** Whether the log is as it was recorded, at a glance. */
export function Integrity({ accountId }: { readonly accountId: string }) {
  const [version, setVersion] = useState(0);
  const [isChecking, startChecking] = useTransition();
  const [isExplaining, setIsExplaining] = useState(false);
  const { account } = useLoadedQuery<IntegrityQuery>(
    graphql`
      query IntegrityQuery($accountId: ID!) {
        account(id: $accountId) {
          auditIntegrity {
            verified
            checkedEvents
            headSequence
            firstBrokenSequence
            ...IntegrityDialog_integrity
          }
        }
      }
    `,
    { accountId },
    { fetchPolicy: "network-only", version },
  );
  const integrity = account?.auditIntegrity;
  if (integrity === null || integrity === undefined) return null;
  const { kind, title, text } = integrityState(integrity);
  return (
    <section className="integrity" aria-label="Integrity">
      <p role="status">
        <Badge kind={kind}>{title}</Badge> {text} <CheckedAt key={version} />
      </p>
      <div className="integrity-actions">
        <Button kind="quiet" onPress={() => setIsExplaining(true)}>
          What it means
        </Button>
        <Button kind="quiet" isBusy={isChecking} onPress={() => startChecking(() => setVersion((count) => count + 1))}>
          Check again
        </Button>
      </div>
      {isExplaining && <IntegrityDialog integrity={integrity} onClose={() => setIsExplaining(false)} />}
    </section>
  );
}

/** When the answer came, which is when this is first shown. */
function CheckedAt() {
  const [time] = useState(() => new Date());
  return <span className="hint">Checked at {time.toLocaleTimeString(undefined, { timeStyle: "short" })}.</span>;
}
