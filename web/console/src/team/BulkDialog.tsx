import { useState } from "react";
import { Dialog } from "../ui/Dialog";
import type { BulkFormProps } from "./BulkForm";
import { BulkRemoveForm } from "./BulkRemoveForm";
import { BulkRoleForm } from "./BulkRoleForm";
import { MemberOutcomes, type MemberProblem } from "./MemberOutcomes";
import type { MemberRow } from "./MemberTable";
import type { BulkDialogName } from "./SelectionBar";

interface Props {
  readonly name: BulkDialogName;
  readonly accountId: string;
  readonly viewerMemberId: string;
  readonly members: readonly MemberRow[];
  readonly onClose: () => void;
  /** Some members have changed. */
  readonly onChanged: () => void;
}

/** Changes the selected members, and then shows those that could not be changed, if any. */
export function BulkDialog({ name, accountId, viewerMemberId, members: selected, onClose, onChanged }: Props) {
  // Those that are removed leave the selection while the dialog is open.
  const [members] = useState(selected);
  const [problems, setProblems] = useState<readonly MemberProblem[]>([]);
  const title = titleOf(name, members);
  const form: BulkFormProps = {
    accountId,
    members,
    includesViewer: members.some(({ id }) => id === viewerMemberId),
    onClose,
    onDone: (found) => {
      onChanged();
      if (found.length === 0) onClose();
      else setProblems(found);
    },
  };
  return (
    <Dialog title={title} role="alertdialog" onClose={onClose}>
      {problems.length > 0 ? (
        <MemberOutcomes problems={problems} count={members.length} onClose={onClose} />
      ) : name === "role" ? (
        <BulkRoleForm {...form} />
      ) : (
        <BulkRemoveForm {...form} />
      )}
    </Dialog>
  );
}

function titleOf(name: BulkDialogName, members: readonly MemberRow[]): string {
  const [first] = members;
  const who = members.length === 1 && first !== undefined ? first.name : `${members.length.toLocaleString()} members`;
  return name === "role" ? `Change the role of ${who}` : `Remove ${who}?`;
}
