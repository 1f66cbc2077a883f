import type { AuditAction } from "../__generated__/StreamItem_stream.graphql";
import type { UserProblem } from "../relay/userErrors";
import type { Choice } from "../ui/ChoiceField";

/** What the form of an audit stream holds. */
export interface StreamSettings {
  readonly url: string;
  readonly scope: "all" | "some";
  readonly actions: readonly AuditAction[];
  readonly start: "now" | "begin" | "after";
  readonly afterSequence: string;
}

export const NEW_STREAM: StreamSettings = { url: "", scope: "all", actions: [], start: "now", afterSequence: "" };

export const SCOPE_CHOICES: readonly Choice<StreamSettings["scope"]>[] = [
  { value: "all", label: "All events", description: "Also of actions that later versions add." },
  { value: "some", label: "Only events of these actions" },
];

export const START_CHOICES: readonly Choice<StreamSettings["start"]>[] = [
  { value: "now", label: "From now on", description: "The event of the audit stream's creation is the first." },
  { value: "begin", label: "The whole audit log" },
  { value: "after", label: "After a certain event", description: "To continue where another receiver stopped." },
];

export function settingsOf(stream: { readonly url: string; readonly actions: readonly AuditAction[] | null | undefined }): StreamSettings {
  const { url, actions } = stream;
  return { ...NEW_STREAM, url, scope: actions ? "some" : "all", actions: actions ?? [] };
}

/** What the server could not say at the field. */
export function settingsProblems({ url, scope, actions, start, afterSequence }: StreamSettings): readonly UserProblem[] {
  const problems: UserProblem[] = [];
  if (url.trim() === "") problems.push({ message: "Enter the URL that receives the events.", path: ["url"] });
  if (scope === "some" && actions.length === 0) problems.push({ message: "Choose at least one action.", path: ["actions"] });
  if (start === "after" && !/^\d+$/.test(afterSequence.trim())) {
    problems.push({ message: "Enter the number of an event, such as 120.", path: ["afterSequence"] });
  }
  return problems;
}

export function settingsInput({ url, scope, actions, start, afterSequence }: StreamSettings) {
  return {
    url: url.trim(),
    actions: scope === "all" ? null : actions,
    afterSequence: start === "now" ? null : start === "begin" ? 0 : Number(afterSequence),
  };
}
