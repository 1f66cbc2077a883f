import type { UserProblem } from "../relay/userErrors";

/** The number in a field; null where it is empty or not a whole number. */
export function wholeNumber(text: string): number | null {
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

/** A problem for each text that is neither empty nor a whole number, by the field's name. */
export function wholeNumberProblems(texts: Readonly<Record<string, string>>): UserProblem[] {
  return Object.entries(texts)
    .filter(([, text]) => text.trim() !== "" && wholeNumber(text) === null)
    .map(([name]) => ({ message: "Enter a whole number, or nothing.", path: [name] }));
}
