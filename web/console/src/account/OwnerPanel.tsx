import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { OwnerPanel_account$key } from "../__generated__/OwnerPanel_account.graphql";
import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { TransferDialog } from "./TransferDialog";

interface Props {
  readonly account: OwnerPanel_account$key;
}

export function OwnerPanel({ account }: Props) {
  const [isTransferring, setIsTransferring] = useState(false);
  const { id, owner, viewerMember } = useFragment(
    graphql`
      fragment OwnerPanel_account on Account {
        id
        owner {
          id
          name
        }
        viewerMember {
          id
          isOwner
        }
      }
    `,
    account,
  );
  return (
    <Panel
      title="Owner"
      hint="All purchases are billed to the owner, who is always an Admin and cannot be removed."
      action={viewerMember.isOwner && <Button onPress={() => setIsTransferring(true)}>Transfer the ownership</Button>}
    >
      <p>
        <strong>{owner.name}</strong>
        {viewerMember.isOwner ? " – that is you. To leave this account, transfer the ownership first." : ", who alone can transfer the ownership."}
      </p>
      {isTransferring && <TransferDialog accountId={id} ownerId={owner.id} onClose={() => setIsTransferring(false)} />}
    </Panel>
  );
}
