import { Button } from "../ui/Button";
import { SearchField } from "../ui/SearchField";
import { SelectField } from "../ui/SelectField";
import { CrossIcon } from "../ui/icons";
import { ORDER_CHOICES, type CatalogFilters } from "./useCatalogFilters";

interface Props {
  readonly filters: CatalogFilters;
  readonly onChange: (changes: Partial<CatalogFilters>) => void;
}

export function CatalogToolbar({ filters, onChange }: Props) {
  return (
    <search className="toolbar catalog-toolbar">
      <SearchField
        label="Search themes"
        placeholder="Name or description"
        value={filters.search}
        onChange={(search) => onChange({ search })}
      />
      {filters.tag !== "" && (
        <Button aria-label={`Show all tags instead of ${filters.tag}`} onPress={() => onChange({ tag: "" })}>
          Tag: {filters.tag} <CrossIcon />
        </Button>
      )}
      <SelectField label="Sort by" choices={ORDER_CHOICES} value={filters.order} onChange={(order) => onChange({ order })} />
    </search>
  );
}
