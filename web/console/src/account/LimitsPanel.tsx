import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { LimitsPanel_account$key } from "../__generated__/LimitsPanel_account.graphql";
import { Button } from "../ui/Button";
import { Detail, DetailList } from "../ui/DetailList";
import { moneyText } from "../ui/Money";
import { Panel } from "../ui/Panel";
import { AccountLimitsDialog } from "./AccountLimitsDialog";

interface Props {
  readonly account: LimitsPanel_account$key;
  readonly mayManage: boolean;
}

export function LimitsPanel({ account, mayManage }: Props) {
  const [isChanging, setIsChanging] = useState(false);
  const { id, limits } = useFragment(
    graphql`
      fragment LimitsPanel_account on Account @argumentDefinitions(seesSpending: { type: "Boolean!" }) {
        id
        limits {
          activeLicenses
          maxActiveLicenses
          maxMonthlySpend {
            amount
            currency
          }
          spentThisMonth @include(if: $seesSpending) {
            amount
            currency
          }
        }
      }
    `,
    account,
  );
  const { activeLicenses, maxActiveLicenses, maxMonthlySpend, spentThisMonth } = limits;
  const spendText = maxMonthlySpend ? `at most ${moneyText(maxMonthlySpend)}` : "no limit";
  return (
    <Panel
      title="Limits"
      hint="They hold for everybody in the account, Admins too. What is there already stays."
      action={mayManage && <Button onPress={() => setIsChanging(true)}>Change limits</Button>}
    >
      <DetailList>
        <Detail term="Active licenses">
          {activeLicenses.toLocaleString()}
          {typeof maxActiveLicenses === "number" ? ` of at most ${maxActiveLicenses.toLocaleString()}` : ", no limit"}
        </Detail>
        <Detail term="Purchases in a month">
          {spentThisMonth ? `${moneyText(spentThisMonth)} this month, ${spendText}` : capitalized(spendText)}
          <p className="hint">Calendar months of UTC, including tax.</p>
        </Detail>
      </DetailList>
      {isChanging && <AccountLimitsDialog accountId={id} limits={limits} onClose={() => setIsChanging(false)} />}
    </Panel>
  );
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
