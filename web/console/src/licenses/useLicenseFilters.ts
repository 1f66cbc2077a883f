import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { LicenseFilter, LicenseOrder } from "../__generated__/LicenseTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";
import { STATUS_CHOICES, type KnownStatus } from "./licenseStatuses";

export type StatusFilter = KnownStatus | "IN_USE" | "ALL";
export type PeriodFilter = "ANY" | "7" | "30" | "90";
type KnownOrder = Exclude<LicenseOrder, "%future added value">;

export const STATUS_FILTERS: readonly Choice<StatusFilter>[] = [
  { value: "IN_USE", label: "Active and suspended" },
  ...STATUS_CHOICES,
  { value: "ALL", label: "All" },
];

export const ORDER_CHOICES: readonly Choice<KnownOrder>[] = [
  { value: "NEWEST", label: "Newest" },
  { value: "OLDEST", label: "Oldest" },
  { value: "SITE", label: "Site" },
];

export const EXPIRY_CHOICES: readonly Choice<PeriodFilter>[] = [
  { value: "ANY", label: "Any time" },
  { value: "7", label: "Within 7 days" },
  { value: "30", label: "Within 30 days" },
  { value: "90", label: "Within 90 days" },
];

export const CHECK_CHOICES: readonly Choice<PeriodFilter>[] = [
  { value: "ANY", label: "Any time" },
  { value: "7", label: "Not for 7 days" },
  { value: "30", label: "Not for 30 days" },
  { value: "90", label: "Not for 90 days" },
];

export interface LicenseFilters {
  readonly search: string;
  readonly status: StatusFilter;
  readonly order: KnownOrder;
  /** Empty for any theme. */
  readonly themeId: string;
  /** Empty for any version. */
  readonly version: string;
  /** Empty for any holder. */
  readonly holderId: string;
  readonly expiry: PeriodFilter;
  readonly check: PeriodFilter;
}

export const NO_FILTERS: LicenseFilters = {
  search: "",
  status: "IN_USE",
  order: "NEWEST",
  themeId: "",
  version: "",
  holderId: "",
  expiry: "ANY",
  check: "ANY",
};

/** Names of the filters beyond the toolbar's. */
export const FURTHER_FILTERS = ["themeId", "version", "holderId", "expiry", "check"] as const;

/** What the list shows. It is in the URL, so that a reload and a link keep it. */
export function useLicenseFilters(): [LicenseFilters, (changes: Partial<LicenseFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => filtersOf(parameters), [parameters]);
  const change = useCallback(
    (changes: Partial<LicenseFilters>) => {
      setParameters((current) => parametersOf({ ...filtersOf(current), ...changes }, current), { replace: true });
    },
    [setParameters],
  );
  return [filters, change];
}

/** `holderId` is that of the member whose licenses alone are shown. */
export function filterInput(filters: LicenseFilters, holderId: string | null): LicenseFilter {
  const { search, status, themeId, version, expiry, check } = filters;
  const holder = holderId ?? filters.holderId;
  return {
    search: search.trim() || null,
    statuses: status === "ALL" ? null : status === "IN_USE" ? ["ACTIVE", "SUSPENDED"] : [status],
    themeIds: themeId === "" ? null : [themeId],
    installedVersions: version === "" ? null : [version],
    holderIds: holder === "" ? null : [holder],
    expiresBefore: expiry === "ANY" ? null : daysFromToday(Number(expiry) + 1),
    notVerifiedSince: check === "ANY" ? null : daysFromToday(-Number(check)),
  };
}

/** Midnight in UTC, so that the same filter is the same query all day. */
function daysFromToday(days: number): string {
  const time = new Date();
  time.setUTCHours(0, 0, 0, 0);
  time.setUTCDate(time.getUTCDate() + days);
  return time.toISOString();
}

function filtersOf(parameters: URLSearchParams): LicenseFilters {
  const text = (name: keyof LicenseFilters) => parameters.get(name) ?? "";
  const choice = <Value extends string>(name: keyof LicenseFilters, choices: readonly Choice<Value>[], otherwise: Value) =>
    choices.find(({ value }) => value === parameters.get(name))?.value ?? otherwise;
  return {
    search: text("search"),
    status: choice("status", STATUS_FILTERS, NO_FILTERS.status),
    order: choice("order", ORDER_CHOICES, NO_FILTERS.order),
    themeId: text("themeId"),
    version: text("version"),
    holderId: text("holderId"),
    expiry: choice("expiry", EXPIRY_CHOICES, NO_FILTERS.expiry),
    check: choice("check", CHECK_CHOICES, NO_FILTERS.check),
  };
}

function parametersOf(filters: LicenseFilters, current: URLSearchParams): URLSearchParams {
  const parameters = new URLSearchParams();
  const view = current.get("view");
  if (view !== null) parameters.set("view", view);
  for (const name of Object.keys(NO_FILTERS) as (keyof LicenseFilters)[]) {
    if (filters[name] !== NO_FILTERS[name]) parameters.set(name, filters[name]);
  }
  return parameters;
}
