import { messageOf } from "../relay/errors";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface Props {
  /** Rows of the list. */
  readonly what: string;
  /** Null while there is none. */
  readonly failure: unknown;
  readonly onRetry: () => void;
}

/** Below a list, and in sight wherever the rows are that could not be loaded. */
export function LoadFailure({ what, failure, onRetry }: Props) {
  if (failure === null) return null;
  return (
    <div className="load-failure">
      <Notice kind="bad">
        <p>
          Not all {what} could be loaded. {messageOf(failure)}
        </p>
        <Button onPress={onRetry}>Try again</Button>
      </Notice>
    </div>
  );
}
