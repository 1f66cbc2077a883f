import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { SecurityPanel_account$key } from "../__generated__/SecurityPanel_account.graphql";
import { Button } from "../ui/Button";
import { Detail, DetailList } from "../ui/DetailList";
import { Panel } from "../ui/Panel";
import { durationText, inUnits } from "./durations";
import { SecurityDialog } from "./SecurityDialog";

interface Props {
  readonly account: SecurityPanel_account$key;
  readonly mayManage: boolean;
}

/** Each rule as a sentence, also where there is none. */
export function SecurityPanel({ account, mayManage }: Props) {
  const [isChanging, setIsChanging] = useState(false);
  const { id, securityPolicy } = useFragment(
    graphql`
      fragment SecurityPanel_account on Account {
        id
        securityPolicy {
          maxSessionAgeSeconds
          apiKeyMaxLifetimeDays
          apiKeyRevokeUnusedAfterDays
        }
      }
    `,
    account,
  );
  if (securityPolicy === null || securityPolicy === undefined) return null;
  const { maxSessionAgeSeconds, apiKeyMaxLifetimeDays, apiKeyRevokeUnusedAfterDays } = securityPolicy;
  return (
    <Panel
      title="Security policy"
      hint="What this account requires of sessions and API keys. Other accounts of its members have their own rules."
      action={mayManage && <Button onPress={() => setIsChanging(true)}>Change rules</Button>}
    >
      <DetailList>
        <Detail term="Sign-in">
          {typeof maxSessionAgeSeconds === "number" ? (
            <>
              Again after {lengthText(maxSessionAgeSeconds)}
              <p className="hint">A person who signed in longer ago must sign in again to use this account.</p>
            </>
          ) : (
            "No rule: a session works until it ends by itself."
          )}
        </Detail>
        <Detail term="Lifetime of API keys">
          {typeof apiKeyMaxLifetimeDays === "number"
            ? `At most ${durationText(apiKeyMaxLifetimeDays, "days")}`
            : "No rule: a key works until its expiry, if it has one."}
        </Detail>
        <Detail term="Unused API keys">
          {typeof apiKeyRevokeUnusedAfterDays === "number"
            ? `Revoked after ${durationText(apiKeyRevokeUnusedAfterDays, "days")} without a call`
            : "No rule: a key works however long it was not used."}
        </Detail>
      </DetailList>
      {isChanging && <SecurityDialog accountId={id} policy={securityPolicy} onClose={() => setIsChanging(false)} />}
    </Panel>
  );
}

function lengthText(seconds: number): string {
  const { count, unit } = inUnits(seconds);
  return durationText(count, unit);
}
