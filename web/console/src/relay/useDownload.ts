import { useCallback, useState } from "react";
import { showFailure } from "../ui/toasts";
import { messageOf } from "./errors";

/** The part of a payload that has a link. */
interface LinkPayload {
  readonly download: { readonly url: string; readonly fileName: string } | null | undefined;
  readonly userErrors: readonly { readonly message: string }[];
}

/**
 * Saves a file: `request` asks the API for a link, which works for a few minutes and is opened at once. A refusal is
 * shown as a toast. The second value tells whether a link is being requested.
 */
export function useDownload(): [(request: () => Promise<LinkPayload | null | undefined>) => Promise<void>, boolean] {
  const [isRequesting, setIsRequesting] = useState(false);
  const save = useCallback(async (request: () => Promise<LinkPayload | null | undefined>) => {
    setIsRequesting(true);
    try {
      const payload = await request();
      const [problem] = payload?.userErrors ?? [];
      if (problem !== undefined) showFailure(problem.message);
      else if (payload?.download) saveFrom(payload.download.url, payload.download.fileName);
    } catch (error) {
      showFailure(messageOf(error));
    } finally {
      setIsRequesting(false);
    }
  }, []);
  return [save, isRequesting];
}

/** Saves a text that the page has, such as a certificate. */
export function saveText(text: string, fileName: string, mediaType: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: mediaType }));
  saveFrom(url, fileName);
  // The browser reads it after this function has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** With `download`, a link that fails does not replace the page. */
function saveFrom(url: string, fileName: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
}
