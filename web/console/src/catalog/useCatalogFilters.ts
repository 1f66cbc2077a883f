import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { ThemeFilter, ThemeOrder } from "../__generated__/ThemeTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";

export const ORDER_CHOICES: readonly Choice<ThemeOrder>[] = [
  { value: "NAME", label: "Name" },
  { value: "NEWEST", label: "Newest first" },
  { value: "PRICE", label: "Price, lowest first" },
];

export interface CatalogFilters {
  readonly search: string;
  /** Empty for themes with any tags. */
  readonly tag: string;
  readonly order: ThemeOrder;
}

/** What the list shows. It is in the URL, so that a reload and a link keep it. */
export function useCatalogFilters(): [CatalogFilters, (changes: Partial<CatalogFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => filtersOf(parameters), [parameters]);
  const change = useCallback(
    (changes: Partial<CatalogFilters>) => {
      setParameters((current) => parametersOf({ ...filtersOf(current), ...changes }), { replace: true });
    },
    [setParameters],
  );
  return [filters, change];
}

export function filterInput({ search, tag }: CatalogFilters): ThemeFilter {
  return { search: search.trim() || null, tag: tag || null };
}

function filtersOf(parameters: URLSearchParams): CatalogFilters {
  const order = parameters.get("order");
  return {
    search: parameters.get("search") ?? "",
    tag: parameters.get("tag") ?? "",
    order: ORDER_CHOICES.find(({ value }) => value === order)?.value ?? "NAME",
  };
}

function parametersOf({ search, tag, order }: CatalogFilters): URLSearchParams {
  const parameters = new URLSearchParams();
  if (search !== "") parameters.set("search", search);
  if (tag !== "") parameters.set("tag", tag);
  if (order !== "NAME") parameters.set("order", order);
  return parameters;
}
