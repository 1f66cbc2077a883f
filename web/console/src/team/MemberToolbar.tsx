import { ROLE_CHOICES } from "../roles";
import { SearchField } from "../ui/SearchField";
import { SelectField } from "../ui/SelectField";
import type { Choice } from "../ui/ChoiceField";
import {
  INACTIVITY_CHOICES,
  ORDER_CHOICES,
  PRESENCE_CHOICES,
  type MemberFilters,
  type RoleFilter,
} from "./useMemberFilters";

interface Props {
  readonly filters: MemberFilters;
  readonly onChange: (changes: Partial<MemberFilters>) => void;
  readonly searchesEmails: boolean;
}

const ROLE_FILTERS: readonly Choice<RoleFilter>[] = [{ value: "ALL", label: "All roles" }, ...ROLE_CHOICES];

export function MemberToolbar({ filters, onChange, searchesEmails }: Props) {
  const { search, role, inactivity, presence, order } = filters;
  return (
    <search className="toolbar member-toolbar">
      <SearchField
        label="Search members"
        placeholder={searchesEmails ? "Name or email address" : "Name"}
        value={search}
        onChange={(text) => onChange({ search: text })}
      />
      <SelectField label="Role" choices={ROLE_FILTERS} value={role} onChange={(value) => onChange({ role: value })} />
      <SelectField
        label="Activity"
        choices={INACTIVITY_CHOICES}
        value={inactivity}
        onChange={(value) => onChange({ inactivity: value })}
      />
      <SelectField label="Show" choices={PRESENCE_CHOICES} value={presence} onChange={(value) => onChange({ presence: value })} />
      <SelectField label="Sort by" choices={ORDER_CHOICES} value={order} onChange={(value) => onChange({ order: value })} />
    </search>
  );
}
