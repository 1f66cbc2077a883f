import { CREDENTIAL_CHOICES } from "./labels";

interface Credential {
  readonly kind: string;
  readonly label: string;
}

/** How the actor was signed in, in words: `API key deploy`. */
export function credentialText(credential: Credential | null | undefined): string {
  if (credential === null || credential === undefined) return "By itself";
  const { kind, label } = credential;
  const words = CREDENTIAL_CHOICES.find(({ value }) => value === kind)?.label ?? kind;
  return label === "" ? words : `${words}: ${label}`;
}
