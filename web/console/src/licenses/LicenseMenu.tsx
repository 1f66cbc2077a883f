import { Button, Menu, MenuItem, MenuTrigger, Popover, type ButtonProps } from "react-aria-components";
import type { LicenseAct, LicenseActName, LicenseSubject } from "./licenseActs";
import { licenseName } from "./licenseActs";
import { useReinstateLicense } from "./useReinstateLicense";

interface Props {
  readonly license: LicenseSubject;
  readonly acts: readonly LicenseAct[];
  readonly triggerProps: ButtonProps;
  /** Opens the dialog of an act. */
  readonly onOpen: (act: LicenseActName) => void;
  /** Is called after an act that needs no dialog. */
  readonly onDone?: () => void;
}

/** What the viewer can do with a license now, if there is anything. */
export function LicenseMenu({ license, acts, triggerProps, onOpen, onDone }: Props) {
  const reinstate = useReinstateLicense();
  if (acts.length === 0) return null;

  async function choose(name: LicenseActName) {
    if (name !== "reinstate") return onOpen(name);
    await reinstate(license);
    onDone?.();
  }

  return (
    <MenuTrigger>
      <Button {...triggerProps} />
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={`Actions for ${licenseName(license)}`}>
          {acts.map(({ name, label }) => (
            <MenuItem
              key={name}
              className={name === "revoke" ? "menu-item menu-item-danger" : "menu-item"}
              onAction={() => void choose(name)}
            >
              {label}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
