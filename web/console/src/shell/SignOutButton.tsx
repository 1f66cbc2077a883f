import { graphql } from "react-relay/hooks";
import type { SignOutButtonMutation } from "../__generated__/SignOutButtonMutation.graphql";
import { messageOf, needsSignIn } from "../relay/errors";
import { announceSession } from "../relay/session";
import { useChange } from "../relay/useChange";
import { Button } from "../ui/Button";
import { showFailure } from "../ui/toasts";

export function SignOutButton() {
  const [signOut, isPending] = useChange<SignOutButtonMutation>(graphql`
    mutation SignOutButtonMutation {
      signOut {
        userErrors {
          message
        }
      }
    }
  `);

  async function leave() {
    try {
      await signOut({});
    } catch (error) {
      if (!needsSignIn(error)) {
        showFailure(messageOf(error));
        return;
      }
    }
    announceSession();
    // A new document, so that nothing of the person stays in memory.
    location.assign("/");
  }

  return (
    <Button kind="quiet" isBusy={isPending} onPress={() => void leave()}>
      Sign out
    </Button>
  );
}
