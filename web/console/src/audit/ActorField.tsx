import { useEffect, useRef, useState } from "react";
import { MemberPicker } from "../pickers/MemberPicker";
import { Tags } from "../ui/Tags";
import { useObjectNames } from "./useObjectNames";

interface Props {
  readonly accountId: string;
  readonly selected: readonly string[];
  readonly onChange: (ids: readonly string[]) => void;
}

/** Any number of members. */
export function ActorField({ accountId, selected, onChange }: Props) {
  const nameOf = useObjectNames(selected);
  const [picks, setPicks] = useState(0);
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (picks === 0) return;
    // After a choice the picker is a new one, so the focus goes to what was chosen, once the picker's list has closed.
    const frame = requestAnimationFrame(() => field.current?.querySelector<HTMLElement>(".tag:last-child")?.focus());
    return () => cancelAnimationFrame(frame);
  }, [picks]);

  function add(id: string | null) {
    if (id === null) return;
    if (!selected.includes(id)) onChange([...selected, id]);
    setPicks((count) => count + 1);
  }

  return (
    <div className="field" ref={field}>
      <MemberPicker key={picks} label="Who" placeholder="Anybody" accountId={accountId} onChange={add} />
      {selected.length > 0 && (
        <Tags
          label="Chosen members"
          items={selected.map((id) => ({ id, label: "Member", value: nameOf(id) }))}
          onRemove={(id) => onChange(selected.filter((each) => each !== id))}
        />
      )}
    </div>
  );
}
