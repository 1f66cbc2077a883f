import { graphql } from "react-relay/hooks";
import type { CreateAccountFormMutation } from "../__generated__/CreateAccountFormMutation.graphql";
import { accountUrl } from "../pages";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import { Button } from "../ui/Button";
import { SubmitForm } from "../ui/SubmitForm";
import { TextField } from "../ui/TextField";
import { useDraft } from "../ui/useDraft";

const EMPTY = { name: "" };

export function CreateAccountForm() {
  const [{ name }, change, clear] = useDraft("create-account", EMPTY);
  const idempotencyKey = useIdempotencyKey();
  const [createAccount] = useChange<CreateAccountFormMutation>(graphql`
    mutation CreateAccountFormMutation($input: CreateAccountInput!) {
      createAccount(input: $input) {
        account {
          id
          slug
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const input = { name };
    const payload = (await createAccount({ input: { ...input, idempotencyKey: idempotencyKey(input) } })).createAccount;
    const slug = payload?.account?.slug;
    // A new document, which reads the memberships again.
    if (slug !== undefined) {
      clear();
      location.assign(accountUrl(slug));
    }
    return payload?.userErrors ?? [];
  }

  return (
    <SubmitForm
      fieldNames={["name"]}
      onSubmit={submit}
      actions={(isPending) => (
        <Button type="submit" kind="primary" isBusy={isPending}>
          Create the account
        </Button>
      )}
    >
      <TextField
        label="Name of the account"
        name="name"
        description="Usually your company. You can change it later."
        isRequired
        maxLength={100}
        value={name}
        onChange={(text) => change({ name: text })}
      />
    </SubmitForm>
  );
}
