import type { Permission } from "../relay/types";
import { roleTitle } from "../roles";
import { Badge } from "../ui/Badge";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";
import type { Column } from "../ui/GridRow";
import type { MemberDialogKind } from "./MemberDialog";
import { MemberIdentity } from "./MemberIdentity";
import { MemberMenu } from "./MemberMenu";
import { MemberCheckbox } from "./MemberCheckbox";
import type { MemberRow } from "./MemberTable";
import { isSelectable, type MemberSelection } from "./useMemberSelection";

interface Options {
  /** Rows in memory, all of which the header selects. */
  readonly rows: readonly MemberRow[];
  readonly permissions: ReadonlySet<Permission>;
  readonly viewerMemberId: string;
  readonly selection: MemberSelection;
  readonly onOpen: (kind: MemberDialogKind, member: MemberRow) => void;
}

export function memberColumns(options: Options): readonly Column<MemberRow>[] {
  const { permissions, viewerMemberId, onOpen } = options;
  const columns: Column<MemberRow>[] = [
    {
      id: "name",
      header: "Member",
      isRowHeader: true,
      cell: (member) => <MemberIdentity member={member} isViewer={member.id === viewerMemberId} />,
    },
    {
      id: "role",
      header: "Role",
      cell: ({ role }) => <Badge kind={role === "ADMIN" ? "accent" : "plain"}>{roleTitle(role)}</Badge>,
    },
    {
      id: "active",
      header: "Last active",
      cell: (member) => <LastActive member={member} isViewer={member.id === viewerMemberId} />,
    },
    {
      id: "access",
      header: "Access",
      cell: (member) => <MemberAccess member={member} />,
    },
  ];
  const menu: Column<MemberRow> = {
    id: "menu",
    header: <span className="visually-hidden">Actions</span>,
    cell: (member, tabIndex) => (
      <MemberMenu
        member={member}
        isViewer={member.id === viewerMemberId}
        permissions={permissions}
        isInTabOrder={tabIndex === 0}
        onOpen={(kind) => onOpen(kind, member)}
      />
    ),
  };
  const mayChange = permissions.has("ASSIGN_ROLES") || permissions.has("REMOVE_MEMBERS");
  return mayChange ? [selectColumn(options), ...columns, menu] : [...columns, menu];
}

function selectColumn({ rows, selection }: Options): Column<MemberRow> {
  const selectable = rows.filter(isSelectable);
  const isAnySelected = selection.members.length > 0;
  const areAllSelected = isAnySelected && selectable.every(({ id }) => selection.has(id));
  return {
    id: "select",
    header: (
      <>
        <span className="visually-hidden">Selected</span>
        <MemberCheckbox
          label="Select all members that are loaded"
          isSelected={areAllSelected}
          isIndeterminate={isAnySelected && !areAllSelected}
          onChange={(isSelected) => selection.set(selectable, isSelected)}
        />
      </>
    ),
    cell: (member, tabIndex) =>
      isSelectable(member) && (
        <MemberCheckbox
          label={`Select ${member.name}`}
          isInTabOrder={tabIndex === 0}
          isSelected={selection.has(member.id)}
          onChange={(isSelected) => selection.set([member], isSelected)}
        />
      ),
  };
}

/** The API knows of a member's activity from the second minute of the first session on. */
function LastActive({ member: { joinedAt, lastActiveAt }, isViewer }: { readonly member: MemberRow; readonly isViewer: boolean }) {
  if (typeof lastActiveAt === "string") return <RelativeTime value={lastActiveAt} />;
  if (isViewer) return "Now";
  return (
    <span className="joined">
      Joined <RelativeTime value={joinedAt} />
    </span>
  );
}

function MemberAccess({ member: { accessUntil, removedAt } }: { readonly member: MemberRow }) {
  if (typeof removedAt === "string") {
    return (
      <>
        Former, left <Time value={removedAt} detail="day" />
      </>
    );
  }
  if (typeof accessUntil !== "string") return "No end";
  return (
    <>
      Until <Time value={accessUntil} detail="day" />
    </>
  );
}
