import { Badge } from "../ui/Badge";
import { statusTitle } from "./keyStatuses";

const KINDS = { ACTIVE: "good", UNCLAIMED: "warning", REVOKED: "bad" } as const;

export function KeyStatusBadge({ status }: { readonly status: string }) {
  return <Badge kind={KINDS[status as keyof typeof KINDS] ?? "plain"}>{statusTitle(status)}</Badge>;
}
