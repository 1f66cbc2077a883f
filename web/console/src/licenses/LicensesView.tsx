import type { PageProps } from "../pages";
import { FilteredList } from "../ui/FilteredList";
import { LicenseTable } from "./LicenseTable";
import { LicenseToolbar } from "./LicenseToolbar";
import { useLicenseFilters } from "./useLicenseFilters";

interface Props extends PageProps {
  /** The only holder whose licenses are shown, or null for all that the viewer sees. */
  readonly holderId: string | null;
}

export function LicensesView(props: Props) {
  const { accountId, permissions, holderId } = props;
  const [filters, changeFilters] = useLicenseFilters();
  return (
    <>
      <LicenseToolbar
        accountId={accountId}
        filters={filters}
        onChange={changeFilters}
        // Others see active licenses only.
        showsStatus={permissions.has("PROVISION_LICENSES") || permissions.has("REVOKE_LICENSES")}
        showsHolder={holderId === null}
      />
      <FilteredList filters={filters}>
        {(shown, key) => <LicenseTable key={`${holderId ?? ""} ${key}`} {...props} filters={shown} />}
      </FilteredList>
    </>
  );
}
