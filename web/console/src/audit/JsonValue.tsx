import { Detail, DetailList } from "../ui/DetailList";
import { Time } from "../ui/Time";
import { typeWords } from "./labels";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

interface Props {
  readonly value: unknown;
  /** Whether a list of two is an old value and a new one. */
  readonly pairs?: boolean;
}

/** Data of an event in words: objects as lists of terms, changes as "old → new". */
export function JsonValue({ value, pairs = false }: Props) {
  if (Array.isArray(value)) return <ListValue items={value as readonly unknown[]} pairs={pairs} />;
  if (typeof value === "string" && TIME.test(value)) return <Time value={value} detail="second" />;
  if (typeof value !== "object" || value === null) return scalarText(value);
  const entries = Object.entries(value);
  if (entries.length === 0) return "None";
  return (
    <DetailList>
      {entries.map(([name, each]) => (
        <Detail key={name} term={typeWords(name)}>
          {/* What was asked for in vain is no change. */}
          <JsonValue value={each} pairs={pairs && name !== "input"} />
        </Detail>
      ))}
    </DetailList>
  );
}

function ListValue({ items, pairs }: { readonly items: readonly unknown[]; readonly pairs: boolean }) {
  const [before, after] = items;
  if (pairs && items.length === 2) {
    return (
      <>
        <JsonValue value={before} /> <span aria-label="became">→</span> <JsonValue value={after} />
      </>
    );
  }
  if (items.length === 0) return "None";
  if (items.every((item) => typeof item !== "object")) return items.map(scalarText).join(", ");
  return (
    <ul className="json-list">
      {items.map((item, index) => (
        <li key={index}>
          <JsonValue value={item} />
        </li>
      ))}
    </ul>
  );
}

function scalarText(value: unknown): string {
  if (value === null || value === undefined || value === "") return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}
