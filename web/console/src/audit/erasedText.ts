import { typeWords } from "./labels";

const NAMES: Record<string, string> = {
  summary: "sentence",
  actorName: "name of who acted",
  credentialLabel: "name of the API key or device",
  targetName: "name of what the event is about",
  ip: "IP address",
  userAgent: "browser",
};

/** Name of a personal field in words; `details.email` is "email in the details". */
export function erasedText(field: string): string {
  const detail = /^details\.(.+)$/.exec(field)?.[1];
  return detail === undefined ? (NAMES[field] ?? field) : `${typeWords(detail).toLowerCase()} in the details`;
}
