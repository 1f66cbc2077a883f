import { graphql } from "react-relay/hooks";
import type { LimitsDialogQuery } from "../__generated__/LimitsDialogQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Dialog } from "../ui/Dialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { LimitsForm } from "./LimitsForm";
import type { MemberRow } from "./MemberTable";

interface Props {
  readonly member: MemberRow;
  readonly onClose: () => void;
}

export function LimitsDialog({ member, onClose }: Props) {
  return (
    <Dialog title={`Limits of ${member.name}`} onClose={onClose}>
      <QueryBoundary>
        <LoadedLimits member={member} onClose={onClose} />
      </QueryBoundary>
    </Dialog>
  );
}

function LoadedLimits({ member, onClose }: Props) {
  const { node, catalog } = useLoadedQuery<LimitsDialogQuery>(
    graphql`
      query LimitsDialogQuery($memberId: ID!) {
        node(id: $memberId) {
          ... on Member {
            limits {
              ...LimitsForm_limits
            }
          }
        }
        catalog(first: 100, orderBy: NAME) {
          totalCount
          nodes {
            id
            name
          }
        }
      }
    `,
    { memberId: member.id },
    { fetchPolicy: "network-only" },
  );
  if (node?.limits === null || node?.limits === undefined) return <p className="form">The limits are not visible to you.</p>;
  const themes = catalog?.nodes ?? [];
  return (
    <LimitsForm
      member={member}
      limits={node.limits}
      catalog={themes}
      hasMoreThemes={themes.length < (catalog?.totalCount ?? 0)}
      onClose={onClose}
    />
  );
}
