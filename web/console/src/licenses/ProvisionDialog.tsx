import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { ProvisionDialogQuery } from "../__generated__/ProvisionDialogQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Dialog } from "../ui/Dialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { ProvisionForm, type NewLicense } from "./ProvisionForm";
import { ProvisionedLicense } from "./ProvisionedLicense";

interface Props extends Pick<PageProps, "accountId" | "slug" | "memberId" | "permissions"> {
  readonly onClose: () => void;
}

/** Provisions a license, then shows its key. */
export function ProvisionDialog(props: Props) {
  const { slug, onClose } = props;
  const [license, setLicense] = useState<NewLicense | null>(null);
  return (
    <Dialog title={license === null ? "Provision a license" : "The license is active"} onClose={onClose}>
      {license === null ? (
        <QueryBoundary>
          <LoadedForm {...props} onDone={setLicense} />
        </QueryBoundary>
      ) : (
        <ProvisionedLicense slug={slug} license={license} onClose={onClose} onRepeat={() => setLicense(null)} />
      )}
    </Dialog>
  );
}

function LoadedForm({ onDone, ...props }: Props & { readonly onDone: (license: NewLicense) => void }) {
  const { account } = useLoadedQuery<ProvisionDialogQuery>(
    graphql`
      query ProvisionDialogQuery($accountId: ID!) {
        account(id: $accountId) {
          ...ProvisionForm_account
        }
      }
    `,
    { accountId: props.accountId },
    { fetchPolicy: "network-only" },
  );
  return account === null || account === undefined ? null : <ProvisionForm {...props} account={account} onDone={onDone} />;
}
