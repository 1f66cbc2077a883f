import type { PageProps } from "../pages";
import { FilteredList } from "../ui/FilteredList";
import { PageHeader } from "../ui/PageHeader";
import { CatalogToolbar } from "./CatalogToolbar";
import { ThemeTable } from "./ThemeTable";
import { useCatalogFilters } from "./useCatalogFilters";

export function CatalogView(props: PageProps) {
  const [filters, changeFilters] = useCatalogFilters();
  return (
    <>
      <PageHeader title="Catalog" lead="Themes that this account can license." />
      <CatalogToolbar filters={filters} onChange={changeFilters} />
      <FilteredList filters={filters}>{(shown, key) => <ThemeTable key={key} {...props} filters={shown} />}</FilteredList>
    </>
  );
}
