import type { PageProps } from "../pages";
import { FilteredList } from "../ui/FilteredList";
import { SearchField } from "../ui/SearchField";
import { SelectField } from "../ui/SelectField";
import { InvitationTable } from "./InvitationTable";
import { STATUS_CHOICES } from "./invitationStatuses";
import { useInvitationFilters } from "./useInvitationFilters";

export function InvitationsView(props: Pick<PageProps, "accountId" | "permissions">) {
  const [filters, changeFilters] = useInvitationFilters();
  return (
    <>
      <search className="toolbar">
        <SearchField
          label="Search invitations"
          placeholder="Whole email address"
          value={filters.email}
          onChange={(email) => changeFilters({ email })}
        />
        <SelectField
          label="Status"
          choices={STATUS_CHOICES}
          value={filters.status}
          onChange={(status) => changeFilters({ status })}
        />
      </search>
      <FilteredList filters={filters}>{(shown, key) => <InvitationTable key={key} {...props} filters={shown} />}</FilteredList>
    </>
  );
}
