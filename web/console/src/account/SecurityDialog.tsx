import { graphql } from "react-relay/hooks";
import type { SecurityDialogQuery } from "../__generated__/SecurityDialogQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Dialog } from "../ui/Dialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { SecurityForm, type SecurityFormProps } from "./SecurityForm";

type Props = Omit<SecurityFormProps, "signedInAt">;

export function SecurityDialog(props: Props) {
  return (
    <Dialog title="Security policy" onClose={props.onClose}>
      <QueryBoundary>
        <LoadedSecurityForm {...props} />
      </QueryBoundary>
    </Dialog>
  );
}

function LoadedSecurityForm(props: Props) {
  const { viewer } = useLoadedQuery<SecurityDialogQuery>(
    graphql`
      query SecurityDialogQuery {
        viewer {
          credential {
            ... on Session {
              createdAt
            }
          }
        }
      }
    `,
    {},
  );
  const signedInAt = viewer?.credential.createdAt;
  return <SecurityForm {...props} signedInAt={signedInAt === undefined ? null : new Date(signedInAt)} />;
}
