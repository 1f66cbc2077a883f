import type { Role } from "../relay/types";
import { AccessDialog } from "./AccessDialog";
import { EndSessionsDialog } from "./EndSessionsDialog";
import { LimitsDialog } from "./LimitsDialog";
import type { MemberRow } from "./MemberTable";
import { OwnRoleDialog } from "./OwnRoleDialog";
import { RemoveDialog } from "./RemoveDialog";

export type MemberDialogKind =
  | { readonly name: "access" }
  | { readonly name: "limits" }
  | { readonly name: "sessions" }
  | { readonly name: "remove" }
  | { readonly name: "own-role"; readonly role: Role };

interface Props {
  readonly kind: MemberDialogKind;
  readonly member: MemberRow;
  readonly isViewer: boolean;
  readonly accountId: string;
  readonly onClose: () => void;
}

export function MemberDialog({ kind, member, isViewer, accountId, onClose }: Props) {
  switch (kind.name) {
    case "access":
      return <AccessDialog member={member} onClose={onClose} />;
    case "limits":
      return <LimitsDialog member={member} onClose={onClose} />;
    case "sessions":
      return <EndSessionsDialog member={member} isViewer={isViewer} onClose={onClose} />;
    case "remove":
      return <RemoveDialog member={member} accountId={accountId} onClose={onClose} />;
    case "own-role":
      return <OwnRoleDialog member={member} role={kind.role} onClose={onClose} />;
  }
}
