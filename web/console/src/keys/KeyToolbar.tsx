import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { KeyToolbarQuery } from "../__generated__/KeyToolbarQuery.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { SelectField } from "../ui/SelectField";
import { STATUS_FILTERS } from "./keyStatuses";
import type { KeyFilters } from "./useKeyFilters";

interface Props {
  readonly accountId: string;
  readonly filters: KeyFilters;
  readonly onChange: (changes: Partial<KeyFilters>) => void;
  readonly showsAll: boolean;
}

export function KeyToolbar({ accountId, filters, onChange, showsAll }: Props) {
  return (
    <search className="toolbar key-toolbar">
      {showsAll && <MemberFilter accountId={accountId} memberId={filters.memberId} onChange={onChange} />}
      <SelectField label="Status" choices={STATUS_FILTERS} value={filters.status} onChange={(status) => onChange({ status })} />
    </search>
  );
}

interface FilterProps {
  readonly accountId: string;
  readonly memberId: string;
  readonly onChange: (changes: Partial<KeyFilters>) => void;
}

function MemberFilter({ accountId, memberId, onChange }: FilterProps) {
  // The URL has an id. The picker needs the name of who was chosen before, and only when it appears.
  const [initialId] = useState(memberId);
  const { member } = useLoadedQuery<KeyToolbarQuery>(
    graphql`
      query KeyToolbarQuery($memberId: ID!, $hasMember: Boolean!) {
        member: node(id: $memberId) @include(if: $hasMember) {
          ... on Member {
            name
          }
        }
      }
    `,
    { memberId: initialId, hasMember: initialId !== "" },
    { fetchPolicy: "store-or-network" },
  );
  return (
    <MemberPicker
      label="Member"
      placeholder="Anybody"
      accountId={accountId}
      initialName={member?.name}
      onChange={(id) => onChange({ memberId: id ?? "" })}
    />
  );
}
