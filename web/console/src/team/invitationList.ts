/** Addresses in a pasted text, each once, and the parts that are none. */
export interface InvitationList {
  readonly emails: readonly string[];
  readonly unreadable: readonly string[];
}

/** Of lines, or separated by commas, semicolons or tabs; also as `Grace Hopper <grace@example.com>`. */
export function invitationList(text: string): InvitationList {
  const emails = new Map<string, string>();
  const unreadable: string[] = [];
  for (const part of text.split(/[\n,;\t]+/)) {
    const entry = part.trim();
    if (entry === "") continue;
    const email = addressOf(entry);
    if (email === null) unreadable.push(entry);
    else if (!emails.has(email.toLowerCase())) emails.set(email.toLowerCase(), email);
  }
  return { emails: [...emails.values()], unreadable };
}

/** The server checks addresses in full; this tells them from names. */
function addressOf(entry: string): string | null {
  const address = /<([^<>]*)>\s*$/.exec(entry)?.[1] ?? entry;
  return /^[^\s@<>]+@[^\s@<>]+$/.test(address.trim()) ? address.trim() : null;
}
