import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { MemberFilter, MemberOrder } from "../__generated__/MemberTableQuery.graphql";
import type { Role } from "../relay/types";
import { ROLE_CHOICES } from "../roles";
import type { Choice } from "../ui/ChoiceField";

export const ORDER_CHOICES: readonly Choice<MemberOrder>[] = [
  { value: "JOINED", label: "Joined first" },
  { value: "NAME", label: "Name" },
  { value: "LAST_ACTIVE", label: "Active last" },
];

export type RoleFilter = Role | "ALL";
/** Days without activity, as text of the URL. */
export type InactivityFilter = "ANY" | "30" | "90" | "180" | "365";
export type PresenceFilter = "PRESENT" | "ALL";

export const INACTIVITY_CHOICES: readonly Choice<InactivityFilter>[] = [
  { value: "ANY", label: "Any" },
  { value: "30", label: "None for 30 days" },
  { value: "90", label: "None for 90 days" },
  { value: "180", label: "None for 180 days" },
  { value: "365", label: "None for a year" },
];

export const PRESENCE_CHOICES: readonly Choice<PresenceFilter>[] = [
  { value: "PRESENT", label: "Current members" },
  { value: "ALL", label: "Former ones too" },
];

export interface MemberFilters {
  readonly search: string;
  readonly role: RoleFilter;
  readonly inactivity: InactivityFilter;
  readonly presence: PresenceFilter;
  readonly order: MemberOrder;
}

const NO_FILTERS: MemberFilters = { search: "", role: "ALL", inactivity: "ANY", presence: "PRESENT", order: "JOINED" };

/** What the list shows. It is in the URL, so that a reload and a link keep it. */
export function useMemberFilters(): [MemberFilters, (changes: Partial<MemberFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => filtersOf(parameters), [parameters]);
  const change = useCallback(
    (changes: Partial<MemberFilters>) => {
      setParameters((current) => parametersOf({ ...filtersOf(current), ...changes }), { replace: true });
    },
    [setParameters],
  );
  return [filters, change];
}

export function filterInput({ search, role, inactivity, presence }: MemberFilters): MemberFilter {
  return {
    search: search.trim() || null,
    roles: role === "ALL" ? null : [role],
    includeRemoved: presence === "ALL" || null,
    inactiveSince: inactivity === "ANY" ? null : daysAgo(Number(inactivity)),
  };
}

/** The beginning of a day of UTC, so that the filter is the same one until midnight. */
function daysAgo(days: number): string {
  const day = new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  return `${day}T00:00:00Z`;
}

function filtersOf(parameters: URLSearchParams): MemberFilters {
  return {
    search: parameters.get("search") ?? NO_FILTERS.search,
    role: chosen(ROLE_CHOICES, parameters.get("role")) ?? NO_FILTERS.role,
    inactivity: chosen(INACTIVITY_CHOICES, parameters.get("inactivity")) ?? NO_FILTERS.inactivity,
    presence: chosen(PRESENCE_CHOICES, parameters.get("presence")) ?? NO_FILTERS.presence,
    order: chosen(ORDER_CHOICES, parameters.get("order")) ?? NO_FILTERS.order,
  };
}

function chosen<Value extends string>(choices: readonly Choice<Value>[], text: string | null): Value | undefined {
  return choices.find(({ value }) => value === text)?.value;
}

function parametersOf(filters: MemberFilters): URLSearchParams {
  const names = Object.keys(NO_FILTERS) as (keyof MemberFilters)[];
  return new URLSearchParams(names.filter((name) => filters[name] !== NO_FILTERS[name]).map((name) => [name, filters[name]]));
}
