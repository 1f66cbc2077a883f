import { Button, Menu, MenuItem, MenuTrigger, Popover, Separator } from "react-aria-components";
import type { StreamItem_stream$data } from "../__generated__/StreamItem_stream.graphql";
import { MoreIcon } from "../ui/icons";
import type { StreamDialogName } from "./StreamDialog";
import { hostOf } from "./streamUrls";
import { usePauseStream } from "./usePauseStream";

interface Props {
  readonly stream: Pick<StreamItem_stream$data, "id" | "url" | "status">;
  readonly onOpen: (name: StreamDialogName) => void;
}

/** What can be done with an audit stream. One that its receiver has ended needs another URL before it can resume. */
export function StreamMenu({ stream, onOpen }: Props) {
  const { id, url, status } = stream;
  const pause = usePauseStream();
  const label = `Actions for ${hostOf(url)}`;
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={label}>
        <MoreIcon />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={label}>
          <MenuItem className="menu-item" onAction={() => onOpen("edit")}>
            {status === "ENDED" ? "Change the URL …" : "Change …"}
          </MenuItem>
          {status === "ACTIVE" ? (
            <MenuItem className="menu-item" onAction={() => void pause({ id, url }, true)}>
              Pause
            </MenuItem>
          ) : null}
          {status === "PAUSED" ? (
            <MenuItem className="menu-item" onAction={() => void pause({ id, url }, false)}>
              Resume
            </MenuItem>
          ) : null}
          <MenuItem className="menu-item" onAction={() => onOpen("rotate")}>
            Rotate the secret …
          </MenuItem>
          <Separator className="menu-separator" />
          <MenuItem className="menu-item menu-item-danger" onAction={() => onOpen("delete")}>
            Delete …
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
