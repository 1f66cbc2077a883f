import { useState } from "react";
import { Button } from "../ui/Button";
import { SearchField } from "../ui/SearchField";
import { SelectField } from "../ui/SelectField";
import { QueryBoundary } from "../ui/QueryBoundary";
import { LicenseFilterPanel } from "./LicenseFilterPanel";
import { FURTHER_FILTERS, NO_FILTERS, ORDER_CHOICES, STATUS_FILTERS, type LicenseFilters } from "./useLicenseFilters";

interface Props {
  readonly accountId: string;
  readonly filters: LicenseFilters;
  readonly onChange: (changes: Partial<LicenseFilters>) => void;
  readonly showsStatus: boolean;
  readonly showsHolder: boolean;
}

export function LicenseToolbar({ accountId, filters, onChange, showsStatus, showsHolder }: Props) {
  const count = FURTHER_FILTERS.filter((name) => filters[name] !== NO_FILTERS[name]).length;
  const [isOpen, setIsOpen] = useState(count > 0);
  return (
    <search>
      <div className="toolbar license-toolbar">
        <SearchField
          label="Search licenses"
          placeholder="Site or theme"
          value={filters.search}
          onChange={(search) => onChange({ search })}
        />
        {showsStatus && (
          <SelectField label="Status" choices={STATUS_FILTERS} value={filters.status} onChange={(status) => onChange({ status })} />
        )}
        <SelectField label="Sort by" choices={ORDER_CHOICES} value={filters.order} onChange={(order) => onChange({ order })} />
        <Button aria-expanded={isOpen} onPress={() => setIsOpen(!isOpen)}>
          {count === 0 ? "Filters" : `Filters (${count})`}
        </Button>
      </div>
      {isOpen && (
        <QueryBoundary>
          <LicenseFilterPanel accountId={accountId} filters={filters} onChange={onChange} showsHolder={showsHolder} />
        </QueryBoundary>
      )}
    </search>
  );
}
