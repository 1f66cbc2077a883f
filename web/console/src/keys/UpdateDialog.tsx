import { graphql } from "react-relay/hooks";
import type { UpdateDialogMutation } from "../__generated__/UpdateDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { DateTimeField, fromIso, toIso } from "../ui/DateTimeField";
import { FormDialog } from "../ui/FormDialog";
import { Notice } from "../ui/Notice";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import type { KeySubject } from "./keyActs";
import { NetworksField, networksOf } from "./NetworksField";
import { ScopeField } from "./ScopeField";
import { scopesText, type Scope } from "./scopes";

interface Props {
  readonly apiKey: KeySubject;
  readonly maySetNetworks: boolean;
  readonly onClose: () => void;
}

/** Renames a key and narrows it. Sends only what has changed. */
export function UpdateDialog({ apiKey: key, maySetNetworks, onClose }: Props) {
  const before = { expiresAt: fromIso(key.expiresAt), networks: key.allowedNetworks.join("\n") };
  const saved = { ...before, name: key.name, scopes: key.scopes as readonly Scope[] };
  const [{ name, scopes, expiresAt, networks }, change] = useEdits(`change-key:${key.id}`, saved);
  const removed = key.scopes.filter((scope) => !(scopes as readonly string[]).includes(scope));
  const [update] = useChange<UpdateDialogMutation>(graphql`
    mutation UpdateDialogMutation($input: UpdateApiKeyInput!) {
      updateApiKey(input: $input) {
        apiKey {
          id
          name
          scopes
          expiresAt
          allowedNetworks
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    if (expiresAt === "" && before.expiresAt !== "") {
      return [{ message: "A key that expires cannot be made to last: enter a time, not later than before.", path: ["expiresAt"] }];
    }
    const { updateApiKey } = await update({
      input: {
        apiKeyId: key.id,
        ...(name !== key.name && { name }),
        ...(removed.length > 0 && { scopes }),
        ...(expiresAt !== before.expiresAt && { expiresAt: toIso(expiresAt) }),
        ...(networks !== before.networks && { allowedNetworks: networksOf(networks) }),
      },
    });
    const problems = updateApiKey?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`${updateApiKey?.apiKey?.name ?? key.name} was changed.`);
    return problems;
  }

  return (
    <FormDialog
      title={`Change ${key.name}`}
      submitLabel="Save"
      fieldNames={["name", "scopes", "expiresAt", "allowedNetworks"]}
      onClose={onClose}
      onSubmit={submit}
    >
      <TextField name="name" label="Name" isRequired maxLength={100} autoFocus value={name} onChange={(text) => change({ name: text })} />
      <ScopeField
        description="Scopes can be taken away, and not be given back."
        choices={key.scopes}
        value={scopes}
        onChange={(values) => change({ scopes: values })}
      />
      {removed.length > 0 && scopes.length > 0 && (
        <Notice kind="warning">
          <p>The key loses for ever: {scopesText(removed)}. Programs that need it are refused from the next request on.</p>
        </Notice>
      )}
      <DateTimeField
        name="expiresAt"
        label="Expires at"
        description={before.expiresAt === "" ? "Leave it empty for a key that does not expire." : "Only earlier than before."}
        value={expiresAt}
        onChange={(value) => change({ expiresAt: value })}
      />
      <NetworksField
        description={maySetNetworks || before.networks === "" ? undefined : "You can only narrow them; an Admin can widen them."}
        value={networks}
        onChange={(text) => change({ networks: text })}
      />
    </FormDialog>
  );
}
