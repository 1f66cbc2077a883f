import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, Separator } from "react-aria-components";
import type { Role } from "../relay/types";
import { ROLE_CHOICES } from "../roles";
import { MoreIcon } from "../ui/icons";
import type { InvitationRow } from "./InvitationTable";
import { useInvitationChanges } from "./useInvitationChanges";

interface Props {
  readonly invitation: InvitationRow;
  readonly isInTabOrder: boolean;
  readonly onRevoke: () => void;
}

export function InvitationMenu({ invitation, isInTabOrder, onRevoke }: Props) {
  const { email, role, status } = invitation;
  const { resend, changeRole } = useInvitationChanges();
  const isPending = status === "PENDING";
  if (!isPending && status !== "EXPIRED") return null;

  function select(next: Role) {
    if (next !== role) void changeRole(invitation, next);
  }

  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={`Actions for ${email}`} excludeFromTabOrder={!isInTabOrder}>
        <MoreIcon />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={`Actions for ${email}`}>
          {isPending ? (
            <MenuSection
              className="menu-section"
              selectionMode="single"
              disallowEmptySelection
              selectedKeys={[role]}
              onSelectionChange={(keys) => keys !== "all" && select([...keys][0] as Role)}
            >
              <Header>Role, by a new link</Header>
              {ROLE_CHOICES.map(({ value, label }) => (
                <MenuItem key={value} id={value} className="menu-item">
                  {label}
                </MenuItem>
              ))}
            </MenuSection>
          ) : null}
          {isPending ? <Separator className="menu-separator" /> : null}
          <MenuItem className="menu-item" onAction={() => void resend(invitation)}>
            Send a new link
          </MenuItem>
          {isPending ? (
            <MenuItem className="menu-item menu-item-danger" onAction={onRevoke}>
              Revoke …
            </MenuItem>
          ) : null}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
