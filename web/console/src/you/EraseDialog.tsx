import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { EraseDialogMutation } from "../__generated__/EraseDialogMutation.graphql";
import { announceSession } from "../relay/session";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";

interface Props {
  readonly email: string;
  readonly onClose: () => void;
}

/** Says what is erased and what stays, and asks for the email address. */
export function EraseDialog({ email, onClose }: Props) {
  const [typed, setTyped] = useState("");
  const [erase] = useChange<EraseDialogMutation>(graphql`
    mutation EraseDialogMutation($input: EraseViewerInput!) {
      eraseViewer(input: $input) {
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { eraseViewer } = await erase({ input: { email: typed } });
    return eraseViewer?.userErrors ?? [];
  }

  function leave() {
    announceSession();
    // A new document, so that nothing of the person stays in memory.
    location.assign("/");
  }

  return (
    <FormDialog
      title="Erase your data?"
      submitLabel="Erase for ever"
      isDestructive
      fieldNames={["email"]}
      onClose={onClose}
      onSubmit={submit}
      onSuccess={leave}
    >
      <div className="you-erasure">
        <h3>Erased</h3>
        <ul>
          <li>Your name and email address, in every account that you were in, and in its audit log</li>
          <li>IP addresses and browsers of your sessions, which all end</li>
          <li>Networks and daily calls of your API keys, download links and emails that were not sent yet</li>
        </ul>
        <h3>Stays</h3>
        <ul>
          <li>Events of the audit logs, with times and roles, as those of an erased person</li>
          <li>Issued invoices with the names on them, as tax law requires</li>
          <li>What others wrote about you, unless it has your email address</li>
          <li>Copies that accounts or the operator have made before, until they delete them</li>
        </ul>
      </div>
      <p>
        It cannot be undone, and takes a few minutes where there are many events. Who signs in with your address later is a new
        person.
      </p>
      <TextField
        name="email"
        label={`Type ${email} to confirm`}
        type="email"
        autoComplete="off"
        isRequired
        maxLength={320}
        value={typed}
        onChange={setTyped}
      />
    </FormDialog>
  );
}
