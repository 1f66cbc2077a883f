import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { SignInFormMutation } from "../__generated__/SignInFormMutation.graphql";
import { useChange } from "../relay/useChange";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { SubmitForm } from "../ui/SubmitForm";
import { TextField } from "../ui/TextField";

/** Path of the page that shows sent emails, on a server that has no mail server. */
const MAILBOX = document.getElementById("console")?.dataset["mailbox"];

/** Sends a sign-in link by email, and says what to do while it is on its way. */
export function SignInForm({ initialEmail = "" }: { readonly initialEmail?: string }) {
  const [email, setEmail] = useState(initialEmail);
  const [sentTo, setSentTo] = useState<string | null>(null);
  const [requestSignIn] = useChange<SignInFormMutation>(graphql`
    mutation SignInFormMutation($input: RequestSignInInput!) {
      requestSignIn(input: $input) {
        sentTo
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const payload = (await requestSignIn({ input: { email } })).requestSignIn;
    setSentTo(payload?.sentTo ?? null);
    return payload?.userErrors ?? [];
  }

  return (
    <SubmitForm
      fieldNames={["email"]}
      onSubmit={submit}
      actions={(isPending) => (
        <Button type="submit" kind="primary" isBusy={isPending}>
          {sentTo === null ? "Email me a sign-in link" : "Send another link"}
        </Button>
      )}
    >
      <TextField label="Email address" name="email" type="email" autoComplete="email" isRequired value={email} onChange={setEmail} />
      {sentTo !== null && (
        <Notice kind="good">
          <p>
            If <strong>{sentTo}</strong> belongs to a member, a link is on its way. Open it in this browser: this page then
            continues by itself.
          </p>
          {MAILBOX === undefined ? (
            <p>Nothing after a minute? Look into the spam folder, and check the address above.</p>
          ) : (
            <p>
              This server sends no email. <a href={MAILBOX}>Open the mailbox</a>
            </p>
          )}
        </Notice>
      )}
    </SubmitForm>
  );
}
