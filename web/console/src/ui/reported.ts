import { messageOf } from "../relay/errors";
import { showFailure, showSuccess } from "./toasts";

/** Makes a change, which resolves with its problems, and shows its result as a toast. */
export async function reported(success: string, change: () => Promise<readonly { readonly message: string }[]>): Promise<void> {
  try {
    const [problem] = await change();
    if (problem === undefined) showSuccess(success);
    else showFailure(problem.message);
  } catch (error) {
    showFailure(messageOf(error));
  }
}
