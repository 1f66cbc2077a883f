import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Separator } from "react-aria-components";
import type { Permission, Role } from "../relay/types";
import { ROLE_CHOICES } from "../roles";
import { MoreIcon } from "../ui/icons";
import type { MemberDialogKind } from "./MemberDialog";
import type { MemberRow } from "./MemberTable";
import { useChangeMemberRole } from "./useChangeMemberRole";

interface Props {
  readonly member: MemberRow;
  readonly isViewer: boolean;
  readonly permissions: ReadonlySet<Permission>;
  readonly isInTabOrder: boolean;
  readonly onOpen: (kind: MemberDialogKind) => void;
}

/** What the viewer can do with a member. The owner stays an Admin, without an end, cannot be removed, and alone ends its sessions; a former member stays as it was. */
export function MemberMenu({ member, isViewer, permissions, isInTabOrder, onOpen }: Props) {
  const changeRole = useChangeMemberRole();
  const mayAssign = permissions.has("ASSIGN_ROLES");
  const mayRemove = permissions.has("REMOVE_MEMBERS") && !member.isOwner;

  function select(role: Role) {
    if (role === member.role) return;
    if (isViewer) onOpen({ name: "own-role", role });
    else void changeRole(member, role);
  }

  if (typeof member.removedAt === "string" || !(mayAssign || mayRemove || isViewer)) return null;
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={`Actions for ${member.name}`} excludeFromTabOrder={!isInTabOrder}>
        <MoreIcon />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={`Actions for ${member.name}`}>
          {mayAssign && !member.isOwner ? (
            <MenuSection
              className="menu-section"
              selectionMode="single"
              disallowEmptySelection
              selectedKeys={[member.role]}
              onSelectionChange={(keys) => keys !== "all" && select([...keys][0] as Role)}
            >
              <Header>Role</Header>
              {ROLE_CHOICES.map(({ value, label }) => (
                <MenuItem key={value} id={value} className="menu-item">
                  {label}
                </MenuItem>
              ))}
            </MenuSection>
          ) : null}
          {mayAssign && !member.isOwner ? <Separator className="menu-separator" /> : null}
          {mayAssign && !member.isOwner ? (
            <MenuItem className="menu-item" onAction={() => onOpen({ name: "access" })}>
              End of access …
            </MenuItem>
          ) : null}
          {mayAssign ? (
            <MenuItem className="menu-item" onAction={() => onOpen({ name: "limits" })}>
              Limits …
            </MenuItem>
          ) : null}
          {mayRemove || isViewer ? (
            <MenuItem className="menu-item" onAction={() => onOpen({ name: "sessions" })}>
              End sessions …
            </MenuItem>
          ) : null}
          {mayRemove ? (
            <MenuItem className="menu-item menu-item-danger" onAction={() => onOpen({ name: "remove" })}>
              Remove …
            </MenuItem>
          ) : null}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
