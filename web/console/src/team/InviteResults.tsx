import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import type { InviteOutcome } from "./InviteForm";

interface Props {
  readonly outcomes: readonly InviteOutcome[];
  readonly onAgain: () => void;
  readonly onClose: () => void;
}

/** The outcome of each address, those that were not invited first. */
export function InviteResults({ outcomes, onAgain, onClose }: Props) {
  const failed = outcomes.filter(({ problem }) => problem !== null);
  const sorted = [...failed, ...outcomes.filter(({ problem }) => problem === null)];
  return (
    <div className="form">
      <p role="status">{summary(outcomes.length - failed.length, failed.length)}</p>
      <ul className="outcomes" tabIndex={0} aria-label="Outcomes">
        {sorted.map(({ email, problem }) => (
          <li key={email}>
            <span>
              <strong>{email}</strong>
              {problem !== null && <span className="field-error">{problem}</span>}
            </span>
            {problem === null ? <Badge kind="good">Invited</Badge> : <Badge kind="bad">Not invited</Badge>}
          </li>
        ))}
      </ul>
      <footer className="dialog-footer">
        <Button kind="quiet" onPress={onAgain}>
          {failed.length === 0 ? "Invite more people" : "Correct those addresses"}
        </Button>
        <Button kind="primary" onPress={onClose} autoFocus>
          Done
        </Button>
      </footer>
    </div>
  );
}

function summary(sent: number, failed: number): string {
  const invited = sent === 1 ? "1 person was invited" : `${sent.toLocaleString()} people were invited`;
  return failed === 0 ? `${invited}.` : `${invited}, ${failed.toLocaleString()} not.`;
}
