import { useRef } from "react";
import { graphql } from "react-relay/hooks";
import type { InviteFormMutation } from "../__generated__/InviteFormMutation.graphql";
import type { Role } from "../relay/types";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import type { UserProblem } from "../relay/userErrors";
import { ROLE_CHOICES } from "../roles";
import { ChoiceField } from "../ui/ChoiceField";
import { DateTimeField, toIso } from "../ui/DateTimeField";
import { DialogForm } from "../ui/DialogForm";
import { TextField } from "../ui/TextField";
import { useDraft } from "../ui/useDraft";
import { invitationList, type InvitationList } from "./invitationList";

/** What became of one address. */
export interface InviteOutcome {
  readonly email: string;
  /** Null when the invitation was sent. */
  readonly problem: string | null;
}

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
  readonly onSent: (outcomes: readonly InviteOutcome[]) => void;
}

const EMPTY: { readonly emails: string; readonly role: Role; readonly message: string; readonly accessUntil: string } = {
  emails: "",
  role: "MEMBER",
  message: "",
  accessUntil: "",
};
const MOST_INVITATIONS = 1_000;

export function InviteForm({ accountId, onClose, onSent }: Props) {
  const [draft, change, clear] = useDraft(`invite:${accountId}`, EMPTY);
  const idempotencyKey = useIdempotencyKey();
  const outcomes = useRef<readonly InviteOutcome[]>([]);
  const list = invitationList(draft.emails);
  const [invite] = useChange<InviteFormMutation>(graphql`
    mutation InviteFormMutation($input: InviteMembersInput!) {
      inviteMembers(input: $input) {
        results {
          invitation {
            id
          }
          userErrors {
            message
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit(): Promise<readonly UserProblem[]> {
    const problem = listProblem(list);
    if (problem !== null) return [{ message: problem, path: ["invitations"] }];
    const { role, message } = draft;
    const accessUntil = toIso(draft.accessUntil);
    const invitations = list.emails.map((email) => ({ email, role, message: message.trim() || null, accessUntil }));
    const input = { accountId, invitations };
    const { inviteMembers } = await invite({ input: { ...input, idempotencyKey: idempotencyKey(input) } });
    const problems = inviteMembers?.userErrors ?? [];
    if (problems.length > 0) return problems;
    outcomes.current = (inviteMembers?.results ?? []).map(({ userErrors }, index) => ({
      email: list.emails[index] ?? "",
      problem: userErrors[0]?.message ?? null,
    }));
    const failed = outcomes.current.filter((outcome) => outcome.problem !== null);
    if (failed.length === 0) clear();
    else change({ emails: failed.map(({ email }) => email).join("\n") });
    return problems;
  }

  return (
    <DialogForm
      submitLabel={list.emails.length > 1 ? `Invite ${list.emails.length} people` : "Invite"}
      fieldNames={["invitations"]}
      onClose={onClose}
      onSubmit={submit}
      onSuccess={() => onSent(outcomes.current)}
    >
      <TextField
        name="invitations"
        label="Email addresses"
        description="One, or a pasted list: on lines of their own, or separated by commas."
        rows={4}
        autoFocus
        placeholder="grace@example.com"
        value={draft.emails}
        onChange={(emails) => change({ emails })}
      />
      <ChoiceField name="role" label="Role" choices={ROLE_CHOICES} value={draft.role} onChange={(role) => change({ role })} />
      <TextField
        name="message"
        label="Message (optional)"
        description="Is part of the email."
        rows={2}
        maxLength={1_000}
        value={draft.message}
        onChange={(message) => change({ message })}
      />
      <DateTimeField
        name="accessUntil"
        label="Access until (optional)"
        description="For contractors and clients: the membership then ends by itself."
        value={draft.accessUntil}
        onChange={(accessUntil) => change({ accessUntil })}
      />
    </DialogForm>
  );
}

function listProblem({ emails, unreadable }: InvitationList): string | null {
  if (unreadable.length > 0) return `Not an email address: ${unreadable.slice(0, 3).join(", ")}.`;
  if (emails.length === 0) return "Enter at least one email address.";
  if (emails.length > MOST_INVITATIONS) {
    return `Invite at most ${MOST_INVITATIONS.toLocaleString()} people at once; these are ${emails.length.toLocaleString()}.`;
  }
  return null;
}
