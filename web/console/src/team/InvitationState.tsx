import { Badge } from "../ui/Badge";
import type { InvitationRow } from "./InvitationTable";

/** Of a pending invitation, the delivery of its email; of others, what became of it. */
export function InvitationState({ invitation }: { readonly invitation: InvitationRow }) {
  const { status, delivery, deliveryError, acceptedBy } = invitation;
  switch (status) {
    case "ACCEPTED":
      return (
        <span className="identity-text">
          <Badge kind="good">Joined</Badge>
          {acceptedBy && <span className="hint">as {acceptedBy.name}</span>}
        </span>
      );
    case "DECLINED":
      return <Badge>Declined</Badge>;
    case "REVOKED":
      return <Badge>Revoked</Badge>;
    case "EXPIRED":
      return <Badge kind="warning">Expired</Badge>;
    default:
      return (
        <span className="identity-text">
          <DeliveryBadge delivery={delivery} />
          {typeof deliveryError === "string" && <span className="field-error">{deliveryError}</span>}
        </span>
      );
  }
}

function DeliveryBadge({ delivery }: { readonly delivery: string }) {
  if (delivery === "SENT") return <Badge kind="good">Email sent</Badge>;
  if (delivery === "FAILED") return <Badge kind="bad">Email not delivered</Badge>;
  return <Badge>Email on its way</Badge>;
}
