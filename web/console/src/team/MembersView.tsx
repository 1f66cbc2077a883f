import type { PageProps } from "../pages";
import { FilteredList } from "../ui/FilteredList";
import { MemberTable } from "./MemberTable";
import { MemberToolbar } from "./MemberToolbar";
import { useMemberFilters } from "./useMemberFilters";

export function MembersView(props: Pick<PageProps, "accountId" | "memberId" | "permissions">) {
  const [filters, changeFilters] = useMemberFilters();
  return (
    <>
      <MemberToolbar filters={filters} onChange={changeFilters} searchesEmails={props.permissions.has("INVITE_MEMBERS")} />
      <FilteredList filters={filters}>{(shown, key) => <MemberTable key={key} {...props} filters={shown} />}</FilteredList>
    </>
  );
}
