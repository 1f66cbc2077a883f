import { graphql } from "react-relay/hooks";
import type { RevokeKeyDialogMutation } from "../__generated__/RevokeKeyDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { showSuccess } from "../ui/toasts";
import type { KeySubject } from "./keyActs";
import { RecentUse } from "./RecentUse";

interface Props {
  readonly apiKey: KeySubject;
  readonly onClose: () => void;
}

/** Says what the key was used for lately, which would break. */
export function RevokeKeyDialog({ apiKey: { id, name, status }, onClose }: Props) {
  const [revoke] = useChange<RevokeKeyDialogMutation>(graphql`
    mutation RevokeKeyDialogMutation($input: RevokeApiKeyInput!) {
      revokeApiKey(input: $input) {
        apiKey {
          id
          status
          revokedAt
          revokedBy {
            id
            name
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { revokeApiKey } = await revoke({ input: { apiKeyId: id } });
    const problems = revokeApiKey?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`${name} was revoked.`);
    return problems;
  }

  return (
    <FormDialog title={`Revoke ${name}?`} submitLabel="Revoke" isDestructive onClose={onClose} onSubmit={submit}>
      {status === "UNCLAIMED" ? (
        <p>The link in the email stops working, and nobody can claim the key. It cannot be undone.</p>
      ) : (
        <>
          <p>Every program that uses the key is refused from its next request on. It cannot be undone.</p>
          <QueryBoundary>
            <RecentUse keyId={id} />
          </QueryBoundary>
        </>
      )}
    </FormDialog>
  );
}
