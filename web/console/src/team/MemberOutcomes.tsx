import { Button } from "../ui/Button";
import { Badge } from "../ui/Badge";

export interface MemberProblem {
  readonly id: string;
  readonly name: string;
  readonly message: string;
}

export interface MemberOutcome {
  readonly userErrors: readonly { readonly message: string }[];
}

interface Props {
  readonly problems: readonly MemberProblem[];
  /** Of all members that were to be changed. */
  readonly count: number;
  readonly onClose: () => void;
}

/** The members that a change of many left as they were, and why. */
export function MemberOutcomes({ problems, count, onClose }: Props) {
  const changed = count - problems.length;
  return (
    <div className="form">
      <p role="status">
        {changed.toLocaleString()} of {count.toLocaleString()} members were changed, these were not:
      </p>
      <ul className="outcomes" tabIndex={0} aria-label="Members that were not changed">
        {problems.map(({ id, name, message }) => (
          <li key={id}>
            <span>
              <strong>{name}</strong>
              <span className="field-error">{message}</span>
            </span>
            <Badge kind="bad">Not changed</Badge>
          </li>
        ))}
      </ul>
      <footer className="dialog-footer">
        <Button kind="primary" onPress={onClose} autoFocus>
          Done
        </Button>
      </footer>
    </div>
  );
}

/** Of the results of a change of many members, which are in the order of the members. */
export function problemsOf(
  members: readonly { readonly id: string; readonly name: string }[],
  results: readonly MemberOutcome[],
): readonly MemberProblem[] {
  return members.flatMap(({ id, name }, index) => {
    const problem = results[index]?.userErrors[0];
    return problem === undefined ? [] : [{ id, name, message: problem.message }];
  });
}
