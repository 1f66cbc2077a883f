import { useCallback, useMemo, useState } from "react";
import type { MemberRow } from "./MemberTable";

/** Members of one request, by the API. */
export const MOST_SELECTED = 1_000;

export interface MemberSelection {
  readonly members: readonly MemberRow[];
  readonly has: (id: string) => boolean;
  readonly set: (rows: readonly MemberRow[], isSelected: boolean) => void;
  readonly clear: () => void;
}

/** Whether a change of many members can include this one: the owner stays an Admin, and a former member what it was. */
export function isSelectable({ isOwner, removedAt }: MemberRow): boolean {
  return !isOwner && typeof removedAt !== "string";
}

/** The selected members, also those whose rows are no longer in memory. `rows` are those that are. */
export function useMemberSelection(rows: readonly MemberRow[]): MemberSelection {
  const [selected, setSelected] = useState<ReadonlyMap<string, MemberRow>>(new Map());
  const current = useMemo(() => {
    const known = new Map(rows.map((row) => [row.id, row]));
    const members = [...selected.values()].map((row) => known.get(row.id) ?? row).filter(isSelectable);
    return { members, ids: new Set(members.map(({ id }) => id)) };
  }, [rows, selected]);
  const set = useCallback((changed: readonly MemberRow[], isSelected: boolean) => {
    setSelected((before) => {
      const next = new Map(before);
      for (const row of changed) {
        if (!isSelected) next.delete(row.id);
        else if (next.size < MOST_SELECTED) next.set(row.id, row);
      }
      return next;
    });
  }, []);
  const clear = useCallback(() => setSelected(new Map()), []);
  return useMemo(
    () => ({ members: current.members, has: (id) => current.ids.has(id), set, clear }),
    [current, set, clear],
  );
}
