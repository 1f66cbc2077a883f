import { setSessionState } from "../relay/session";
import type { Membership } from "../relay/types";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";

interface Props {
  readonly memberships: readonly Membership[];
  /** What needs a session that each account accepts, such as "change your name". */
  readonly purpose: string;
}

/** Shown where an account no longer accepts the session: what concerns all accounts then needs a new sign-in. */
export function SignInNotice({ memberships, purpose }: Props) {
  const names = memberships.filter(({ account }) => account.reauthenticationRequired).map(({ account }) => account.name);
  if (names.length === 0) return null;
  const list = new Intl.ListFormat("en").format(names);
  return (
    <Notice kind="warning">
      <p>
        {list} {names.length === 1 ? "requires" : "require"} a new sign-in before you can {purpose}.
      </p>
      <div>
        <Button onPress={() => setSessionState("reauthentication")}>Sign in again</Button>
      </div>
    </Notice>
  );
}
