/** The host of a URL that was pasted from an address bar; any other text as it is. */
export function hostOf(text: string): string {
  const entered = text.trim();
  return /^https?:\/\//i.test(entered) && URL.canParse(entered) ? new URL(entered).host : entered;
}
