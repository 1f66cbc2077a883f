import { useState } from "react";
import { Link } from "wouter";
import type { Membership } from "../relay/types";
import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { EraseDialog } from "./EraseDialog";

interface Props {
  readonly email: string;
  readonly memberships: readonly Membership[];
}

/** Members of accounts cannot be erased: their licenses and keys have to pass first. */
export function Erasure({ email, memberships }: Props) {
  const [isErasing, setIsErasing] = useState(false);
  const names = memberships.map(({ account }) => account.name);
  return (
    <Panel title="Erase your data">
      <p>
        Your name, email address, IP addresses, browsers and the networks of your API keys are removed from every account and
        audit log. <q>Erased person</q> stands in their place. It cannot be undone.
      </p>
      {names.length > 0 ? (
        <p>
          This is possible once you are not a member of any account.{" "}
          <Link href="/you/accounts">Leave {new Intl.ListFormat("en").format(names)}</Link> first.
        </p>
      ) : (
        <div>
          <Button kind="danger" onPress={() => setIsErasing(true)}>
            Erase my data …
          </Button>
        </div>
      )}
      {isErasing && <EraseDialog email={email} onClose={() => setIsErasing(false)} />}
    </Panel>
  );
}
