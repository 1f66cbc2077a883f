import { Badge } from "../ui/Badge";

interface Props {
  readonly status: string;
  readonly isFailing: boolean;
}

export function StreamStatus({ status, isFailing }: Props) {
  if (status === "PAUSED") return <Badge kind="warning">Paused</Badge>;
  if (status === "ENDED") return <Badge kind="bad">Ended by the receiver</Badge>;
  return isFailing ? <Badge kind="bad">Failing</Badge> : <Badge kind="good">Active</Badge>;
}
