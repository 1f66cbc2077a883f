import type { InvitationStatus } from "../__generated__/InvitationTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";

export type StatusFilter = Exclude<InvitationStatus, "%future added value"> | "ALL";

export const STATUS_CHOICES: readonly Choice<StatusFilter>[] = [
  { value: "PENDING", label: "Pending" },
  { value: "EXPIRED", label: "Expired" },
  { value: "ACCEPTED", label: "Joined" },
  { value: "DECLINED", label: "Declined" },
  { value: "REVOKED", label: "Revoked" },
  { value: "ALL", label: "All" },
];
