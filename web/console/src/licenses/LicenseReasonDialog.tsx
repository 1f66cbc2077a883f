import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useDraft } from "../ui/useDraft";
import type { UserProblem } from "../relay/userErrors";
import { licenseName, type LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  /** Such as "Suspend". */
  readonly verb: string;
  /** Such as "suspended". */
  readonly participle: string;
  /** What the change means for the site and the holder. */
  readonly consequences: string;
  /** Where the reason is stored. */
  readonly reasonHint: string;
  /** Makes the change. Resolves with its problems. */
  readonly onSubmit: (reason: string) => Promise<readonly UserProblem[]>;
  readonly onClose: () => void;
}

const EMPTY = { reason: "" };

/** Asks for the reason of a change that stops a license. */
export function LicenseReasonDialog({ license, verb, participle, consequences, reasonHint, onSubmit, onClose }: Props) {
  const [{ reason }, change, clear] = useDraft(`${verb.toLowerCase()}:${license.id}`, EMPTY);

  async function submit() {
    const problems = await onSubmit(reason);
    if (problems.length === 0) {
      clear();
      showSuccess(`${licenseName(license)} was ${participle}.`);
    }
    return problems;
  }

  return (
    <FormDialog
      title={`${verb} ${licenseName(license)}?`}
      submitLabel={verb}
      fieldNames={["reason"]}
      isDestructive
      onClose={onClose}
      onSubmit={submit}
    >
      <p>{consequences}</p>
      <TextField
        name="reason"
        label="Reason"
        description={reasonHint}
        rows={2}
        autoFocus
        maxLength={1_000}
        value={reason}
        onChange={(text) => change({ reason: text })}
      />
    </FormDialog>
  );
}
