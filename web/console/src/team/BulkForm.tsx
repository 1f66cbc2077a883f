import { useRef, type ReactNode } from "react";
import type { UserProblem } from "../relay/userErrors";
import { DialogForm } from "../ui/DialogForm";
import { Notice } from "../ui/Notice";
import { showSuccess } from "../ui/toasts";
import { problemsOf, type MemberOutcome, type MemberProblem } from "./MemberOutcomes";
import type { MemberRow } from "./MemberTable";

export interface BulkFormProps {
  readonly accountId: string;
  readonly members: readonly MemberRow[];
  readonly includesViewer: boolean;
  readonly onClose: () => void;
  /** The change was made but for these members. */
  readonly onDone: (problems: readonly MemberProblem[]) => void;
}

interface Props extends Pick<BulkFormProps, "members" | "onClose" | "onDone"> {
  readonly submitLabel: string;
  readonly fieldNames?: readonly string[];
  readonly isDestructive?: boolean;
  /** What the change means for the viewer, if anything. */
  readonly warning: string | null;
  readonly onSubmit: () => Promise<BulkPayload | null | undefined>;
  readonly successText: (count: number) => string;
  readonly children: ReactNode;
}

interface BulkPayload {
  /** In the order of the members. */
  readonly results: readonly MemberOutcome[] | null | undefined;
  /** Why nothing was changed. */
  readonly userErrors: readonly UserProblem[];
}

/** Form of a change of many members, which succeeds or is refused for each of them. */
export function BulkForm({ members, warning, onSubmit, successText, onDone, children, ...form }: Props) {
  const problems = useRef<readonly MemberProblem[]>([]);

  async function submit() {
    const payload = await onSubmit();
    const refusals = payload?.userErrors ?? [];
    if (refusals.length === 0) problems.current = problemsOf(members, payload?.results ?? []);
    return refusals;
  }

  function finish() {
    const changed = members.length - problems.current.length;
    if (changed > 0) showSuccess(successText(changed));
    onDone(problems.current);
  }

  return (
    <DialogForm {...form} onSubmit={submit} onSuccess={finish}>
      {children}
      {warning !== null && (
        <Notice kind="warning">
          <p>{warning}</p>
        </Notice>
      )}
    </DialogForm>
  );
}
