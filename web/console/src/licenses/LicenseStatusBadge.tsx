import { Badge } from "../ui/Badge";
import { statusTitle } from "./licenseStatuses";

const KINDS = { ACTIVE: "good", SUSPENDED: "warning", REVOKED: "bad" } as const;

export function LicenseStatusBadge({ status }: { readonly status: string }) {
  return <Badge kind={KINDS[status as keyof typeof KINDS] ?? "plain"}>{statusTitle(status)}</Badge>;
}
