import {
  Button,
  Text,
  UNSTABLE_Toast as Toast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastRegion as ToastRegion,
} from "react-aria-components";
import { CrossIcon } from "./icons";
import { toasts } from "./toasts";

/** Results of actions. Screen readers announce each; the region is a landmark. */
export function Toasts() {
  return (
    <ToastRegion queue={toasts} className="toasts">
      {({ toast }) => (
        <Toast toast={toast} className={`toast toast-${toast.content.kind}`}>
          <ToastContent className="toast-content">
            <Text slot="title">{toast.content.text}</Text>
          </ToastContent>
          <Button slot="close" className="icon-button" aria-label="Close">
            <CrossIcon />
          </Button>
        </Toast>
      )}
    </ToastRegion>
  );
}
