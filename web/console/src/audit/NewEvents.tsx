import { Button } from "../ui/Button";
import { MOST_COUNTED } from "./useNewEvents";

interface Props {
  readonly count: number;
  readonly onShow: () => void;
}

/** Offers new events, over the list, so that nothing moves that the person reads. */
export function NewEvents({ count, onShow }: Props) {
  return (
    <div className="new-events" role="status">
      {count > 0 && (
        <Button kind="primary" onPress={onShow}>
          {newEventsText(count)}
        </Button>
      )}
    </div>
  );
}

function newEventsText(count: number): string {
  if (count === 1) return "Show 1 new event";
  return `Show ${count.toLocaleString()}${count >= MOST_COUNTED ? " or more" : ""} new events`;
}
