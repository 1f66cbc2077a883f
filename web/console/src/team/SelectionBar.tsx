import type { Permission } from "../relay/types";
import { Button } from "../ui/Button";
import { MOST_SELECTED, type MemberSelection } from "./useMemberSelection";

export type BulkDialogName = "role" | "remove";

interface Props {
  readonly selection: MemberSelection;
  readonly permissions: ReadonlySet<Permission>;
  readonly onOpen: (name: BulkDialogName) => void;
}

/** What can be done with all selected members at once. */
export function SelectionBar({ selection, permissions, onOpen }: Props) {
  const count = selection.members.length;
  return (
    <section className="selection-bar" aria-label="Selected members">
      <span role="status">
        {count.toLocaleString()} selected{count >= MOST_SELECTED && ", the most at once"}
      </span>
      {permissions.has("ASSIGN_ROLES") && <Button onPress={() => onOpen("role")}>Change role …</Button>}
      {permissions.has("REMOVE_MEMBERS") && <Button onPress={() => onOpen("remove")}>Remove …</Button>}
      <Button kind="quiet" onPress={selection.clear}>
        Clear the selection
      </Button>
    </section>
  );
}
