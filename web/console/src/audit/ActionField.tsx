import { useState } from "react";
import type { AuditAction } from "../__generated__/eventPagesQuery.graphql";
import { Checklist } from "../ui/Checklist";
import { SearchField } from "../ui/SearchField";
import { ACTION_CHOICES, type Known } from "./labels";

interface Props {
  readonly selected: readonly AuditAction[];
  readonly onChange: (actions: readonly AuditAction[]) => void;
}

/** Any number of actions, which a search narrows. Chosen ones stay in sight. */
export function ActionField({ selected, onChange }: Props) {
  const [search, setSearch] = useState("");
  const words = search.toLowerCase().split(/\s+/);
  const choices = ACTION_CHOICES.filter(({ value, label, description }) => {
    const text = `${label} ${description}`.toLowerCase();
    return selected.includes(value) || words.every((word) => text.includes(word));
  });
  return (
    <Checklist label="Actions" name="actions" choices={choices} selected={selected as Known<AuditAction>[]} onChange={onChange}>
      <SearchField label="Search actions" placeholder="Search actions" value={search} onChange={setSearch} />
    </Checklist>
  );
}
