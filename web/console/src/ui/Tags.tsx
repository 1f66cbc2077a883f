import { Button, Tag, TagGroup, TagList } from "react-aria-components";
import { CrossIcon } from "./icons";

export interface TagItem {
  readonly id: string;
  /** What the value is. */
  readonly label: string;
  readonly value: string;
}

interface Props {
  readonly label: string;
  readonly items: readonly TagItem[];
  readonly onRemove: (id: string) => void;
}

/** Values that are set, each of which can be removed, by its button or with Delete. */
export function Tags({ label, items, onRemove }: Props) {
  return (
    <TagGroup aria-label={label} onRemove={(ids) => ids.forEach((id) => onRemove(String(id)))}>
      <TagList className="tags">
        {items.map(({ id, label: what, value }) => (
          <Tag key={id} id={id} textValue={`${what}: ${value}`} className="tag">
            <span>
              {what}: <strong>{value}</strong>
            </span>
            <Button slot="remove" className="icon-button">
              <CrossIcon />
            </Button>
          </Tag>
        ))}
      </TagList>
    </TagGroup>
  );
}
