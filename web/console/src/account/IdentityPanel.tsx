import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { IdentityPanel_account$key } from "../__generated__/IdentityPanel_account.graphql";
import { accountUrl } from "../pages";
import { Button } from "../ui/Button";
import { Detail, DetailList } from "../ui/DetailList";
import { Panel } from "../ui/Panel";
import { Time } from "../ui/Time";
import { RenameDialog } from "./RenameDialog";

interface Props {
  readonly account: IdentityPanel_account$key;
  readonly mayManage: boolean;
}

export function IdentityPanel({ account, mayManage }: Props) {
  const [isRenaming, setIsRenaming] = useState(false);
  const { id, name, slug, createdAt } = useFragment(
    graphql`
      fragment IdentityPanel_account on Account {
        id
        name
        slug
        createdAt
      }
    `,
    account,
  );
  return (
    <Panel title="Name" action={mayManage && <Button onPress={() => setIsRenaming(true)}>Rename</Button>}>
      <DetailList>
        <Detail term="Name">{name}</Detail>
        <Detail term="Address">
          {location.origin}
          {accountUrl(slug)}
          <p className="hint">It stays the same when the account is renamed.</p>
        </Detail>
        <Detail term="Created">
          <Time value={createdAt} detail="day" />
        </Detail>
      </DetailList>
      {isRenaming && <RenameDialog accountId={id} name={name} onClose={() => setIsRenaming(false)} />}
    </Panel>
  );
}
