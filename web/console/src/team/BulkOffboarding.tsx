import { Detail, DetailList } from "../ui/DetailList";
import { Loading } from "../ui/Loading";
import type { MemberRow } from "./MemberTable";
import { useOffboardingSum } from "./useOffboardingSum";

const MOST_NAMES = 20;

/** What happens to licenses, keys and invitations of many members when they are removed now. */
export function BulkOffboarding({ members }: { readonly members: readonly MemberRow[] }) {
  const { readMembers, activeLicenses, activeApiKeys, pendingInvitations, isMinimum } = useOffboardingSum(members);
  if (readMembers < members.length) {
    return <Loading label={`Counting what they hold: ${readMembers.toLocaleString()} of ${members.length.toLocaleString()} members …`} />;
  }
  const text = (count: number, what: string) =>
    count === 0 ? "None" : `${isMinimum ? "At least " : ""}${count.toLocaleString()}${what}`;
  return (
    <DetailList>
      <Detail term="Who">{namesText(members.map(({ name }) => name))}</Detail>
      <Detail term="Active licenses">{text(activeLicenses, ", which pass to another member and stay active")}</Detail>
      <Detail term="API keys">{text(activeApiKeys, ", revoked at once")}</Detail>
      <Detail term="Invitations sent">{text(pendingInvitations, " pending, which stay valid")}</Detail>
    </DetailList>
  );
}

function namesText(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (rest > 0 ? ` and ${rest.toLocaleString()} more` : "");
}
