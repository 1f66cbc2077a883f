import { Button, Menu, MenuItem, MenuTrigger, Popover, type ButtonProps } from "react-aria-components";
import type { KeyAct, KeyActName } from "./keyActs";

interface Props {
  readonly keyName: string;
  readonly acts: readonly KeyAct[];
  readonly triggerProps: ButtonProps;
  readonly onOpen: (act: KeyActName) => void;
}

/** What the viewer can do with a key now, if there is anything. */
export function KeyMenu({ keyName, acts, triggerProps, onOpen }: Props) {
  if (acts.length === 0) return null;
  return (
    <MenuTrigger>
      <Button {...triggerProps} />
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={`Actions for ${keyName}`}>
          {acts.map(({ name, label }) => (
            <MenuItem
              key={name}
              className={name === "revoke" ? "menu-item menu-item-danger" : "menu-item"}
              onAction={() => onOpen(name)}
            >
              {label}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
