import type { InvoiceStatus } from "../__generated__/InvoiceTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";

export type StatusFilter = Exclude<InvoiceStatus, "%future added value"> | "ALL";

export const STATUS_CHOICES: readonly Choice<StatusFilter>[] = [
  { value: "ALL", label: "All" },
  { value: "OPEN", label: "To pay" },
  { value: "PAID", label: "Paid" },
  { value: "VOID", label: "Cancelled" },
];
