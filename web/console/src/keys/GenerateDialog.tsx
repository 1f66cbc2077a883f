import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { GenerateDialogQuery } from "../__generated__/GenerateDialogQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { QueryBoundary } from "../ui/QueryBoundary";
import { GenerateForm, type Generated } from "./GenerateForm";
import { GeneratedKey } from "./GeneratedKey";
import { PolicyHint } from "./PolicyHint";
import { SecretDialog } from "./SecretDialog";

interface Props {
  readonly accountId: string;
  readonly memberId: string;
  readonly onClose: () => void;
}

export function GenerateDialog(props: Props) {
  const { onClose } = props;
  const [generated, setGenerated] = useState<Generated | null>(null);
  return (
    <SecretDialog title={titleOf(generated)} secret={generated?.secret ?? null} onClose={onClose}>
      {generated === null ? (
        <QueryBoundary>
          <LoadedForm {...props} onGenerated={setGenerated} />
        </QueryBoundary>
      ) : (
        <GeneratedKey claimedBy={generated.claimedBy} onClose={onClose} />
      )}
    </SecretDialog>
  );
}

function titleOf(generated: Generated | null): string {
  if (generated === null) return "Generate an API key";
  const { name, secret, claimedBy } = generated;
  if (secret !== null) return `The secret of ${name}`;
  return claimedBy === null ? `${name} was generated` : `${claimedBy} can claim ${name}`;
}

function LoadedForm(props: Props & { readonly onGenerated: (key: Generated) => void }) {
  const { account } = useLoadedQuery<GenerateDialogQuery>(
    graphql`
      query GenerateDialogQuery($accountId: ID!) {
        account(id: $accountId) {
          securityPolicy {
            apiKeyMaxLifetimeDays
            ...PolicyHint_policy
          }
        }
      }
    `,
    { accountId: props.accountId },
    { fetchPolicy: "network-only" },
  );
  const policy = account?.securityPolicy;
  return (
    <GenerateForm {...props} maxDays={policy?.apiKeyMaxLifetimeDays ?? null}>
      {policy && <PolicyHint policy={policy} />}
    </GenerateForm>
  );
}
