import type { AuditLogFilter } from "../__generated__/eventPagesQuery.graphql";
import type { Choice } from "../ui/ChoiceField";
import { ACTION_CHOICES, CREDENTIAL_CHOICES, TARGET_TYPE_CHOICES } from "./labels";

/** The API's filter, and a period that ends now. */
export interface AuditFilters extends AuditLogFilter {
  readonly period?: Period | null;
}

export type Period = "hour" | "day" | "week" | "month";

export const PERIOD_CHOICES: readonly Choice<Period>[] = [
  { value: "hour", label: "Last hour" },
  { value: "day", label: "Last 24 hours" },
  { value: "week", label: "Last 7 days" },
  { value: "month", label: "Last 30 days" },
];

const HOUR_MILLISECONDS = 3_600_000;
const PERIOD_HOURS: Record<Period, number> = { hour: 1, day: 24, week: 7 * 24, month: 30 * 24 };
const LISTS = {
  actions: ACTION_CHOICES,
  actorIds: null,
  targetTypes: TARGET_TYPE_CHOICES,
  credentialKinds: CREDENTIAL_CHOICES,
} as const;
const TEXTS = ["text", "targetId", "apiKeyId", "ip", "requestId", "occurredFrom", "occurredUntil"] as const;
const SHORTEST_TEXT = 3;

/** From the URL, where each filter has the API's name for it. What the API does not know is left out. */
export function filtersOf(parameters: URLSearchParams): AuditFilters {
  const filters: Record<string, unknown> = {};
  for (const [name, choices] of Object.entries(LISTS)) {
    const values = (parameters.get(name) ?? "").split(",").filter((value) => value !== "");
    const known = values.filter((value) => choices === null || choices.some((choice) => choice.value === value));
    if (known.length > 0) filters[name] = known;
  }
  for (const name of TEXTS) {
    const value = parameters.get(name);
    if (value !== null && value !== "" && (!name.startsWith("occurred") || isTime(value))) filters[name] = value;
  }
  const outcome = parameters.get("outcome");
  if (outcome === "ALLOWED" || outcome === "DENIED") filters["outcome"] = outcome;
  const period = PERIOD_CHOICES.find(({ value }) => value === parameters.get("period"))?.value;
  if (period !== undefined) filters["period"] = period;
  return filters;
}

export function parametersOf(filters: AuditFilters): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (typeof text === "string" && text !== "") parameters.set(name, text);
  }
  return parameters;
}

/** As the API takes it, at a time. What is empty, or a text that is too short to be searched, is left out. */
export function filterInput(entered: AuditFilters, now: Date): AuditLogFilter {
  const { period, ...filters } = filtersOf(parametersOf(entered));
  const text = isSearchable(filters.text) ? filters.text?.trim() : null;
  if (period === undefined || period === null) return { ...filters, text };
  const from = new Date(now.getTime() - PERIOD_HOURS[period] * HOUR_MILLISECONDS);
  return { ...filters, text, occurredFrom: from.toISOString(), occurredUntil: null };
}

/** At least three letters, or one that is not ASCII. */
export function isSearchable(text: string | null | undefined): boolean {
  const searched = text?.trim() ?? "";
  return searched.length >= SHORTEST_TEXT || /[^\x00-\x7F]/.test(searched);
}

export function hasFilters(filters: AuditFilters): boolean {
  return parametersOf(filters).size > 0;
}

function isTime(value: string): boolean {
  return !Number.isNaN(Date.parse(value));
}
