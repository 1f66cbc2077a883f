import { useCallback } from "react";
import { useSearch } from "wouter";
import { accountUrl } from "../pages";

/** URLs of a list and of its entries. What the list shows is in the search, which the way back needs. */
export function useListUrl(slug: string, path: string): (...entry: [] | [id: string]) => string {
  const search = useSearch();
  return useCallback(
    (...entry) => `${accountUrl(slug, path, ...entry)}${search === "" ? "" : `?${search}`}`,
    [slug, path, search],
  );
}
