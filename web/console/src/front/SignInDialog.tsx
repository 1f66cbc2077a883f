import { Dialog } from "../ui/Dialog";
import { dismissSignIn } from "../relay/session";
import type { Viewer } from "../relay/types";
import { SignInForm } from "./SignInForm";

interface Props {
  readonly viewer: Viewer;
  /** Whether the session has ended, and not only for some accounts. */
  readonly hasEnded: boolean;
}

/** Over a page whose session is no longer accepted. What was entered stays under it. */
export default function SignInDialog({ viewer, hasEnded }: Props) {
  return (
    <Dialog title={hasEnded ? "Your session has ended" : "Sign in again"} onClose={dismissSignIn}>
      <div className="form">
        <p>
          {hasEnded ? "Sign in again to continue where you were." : requirement(viewer)} What you entered on this page is kept.
        </p>
        <SignInForm initialEmail={viewer.user.email} />
      </div>
    </Dialog>
  );
}

function requirement({ memberships }: Viewer): string {
  const names = memberships.filter(({ account }) => account.reauthenticationRequired).map(({ account }) => account.name);
  if (names.length === 0) return "This requires a new sign-in.";
  return `${new Intl.ListFormat("en").format(names)} ${names.length === 1 ? "requires" : "require"} a new sign-in before you can continue.`;
}
