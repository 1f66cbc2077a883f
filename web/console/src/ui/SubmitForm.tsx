import { createContext, useCallback, useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Form } from "react-aria-components";
import { messageOf } from "../relay/errors";
import { sortedProblems, withoutField, type UserProblem } from "../relay/userErrors";
import { Problems } from "./Problems";

export interface SubmitFormProps {
  /** Names of the form's fields. Problems of others are shown above the buttons. */
  readonly fieldNames?: readonly string[];
  /** Makes the change. Resolves with its problems, none of them on success. */
  readonly onSubmit: () => Promise<readonly UserProblem[]>;
  readonly onSuccess?: () => void;
  readonly children: ReactNode;
}

interface Props extends SubmitFormProps {
  readonly actions: (isPending: boolean) => ReactNode;
}

/** For a field that changes without an `input` event: forgets its problem. */
export const FieldChangeContext = createContext<(name: string) => void>(() => undefined);

/** A form that shows the problems of its change at their fields, and moves the focus to the first of them. */
export function SubmitForm({ fieldNames = [], onSubmit, onSuccess, children, actions }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [problems, setProblems] = useState(sortedProblems([], fieldNames));
  const [refusals, setRefusals] = useState(0);
  const [isPending, setIsPending] = useState(false);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [refusals]);
  // At once, not when the field loses the focus: the button would move away from under a press.
  const forget = useCallback((name: string) => setProblems((current) => withoutField(current, name)), []);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (isPending) return;
    setIsPending(true);
    try {
      const found = await onSubmit();
      setProblems(sortedProblems(found, fieldNames));
      if (found.length === 0) onSuccess?.();
      else setRefusals((count) => count + 1);
    } catch (error) {
      setProblems({ fields: {}, form: [messageOf(error)] });
    } finally {
      setIsPending(false);
    }
  }

  return (
    <Form
      ref={form}
      className="form"
      validationErrors={problems.fields}
      onSubmit={(event) => void submit(event)}
    >
      <div className="form" onInput={(event) => forget((event.target as HTMLInputElement).name)}>
        <FieldChangeContext value={forget}>{children}</FieldChangeContext>
      </div>
      <Problems messages={problems.form} />
      {actions(isPending)}
    </Form>
  );
}
