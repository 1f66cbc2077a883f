import { Badge } from "../ui/Badge";

interface Props {
  readonly status: string;
  readonly dueAt: string;
}

export function InvoiceStatusBadge({ status, dueAt }: Props) {
  switch (status) {
    case "PAID":
      return <Badge kind="good">Paid</Badge>;
    case "VOID":
      return <Badge>Cancelled</Badge>;
    default:
      return new Date(dueAt) < new Date() ? <Badge kind="bad">Overdue</Badge> : <Badge kind="warning">To pay</Badge>;
  }
}
