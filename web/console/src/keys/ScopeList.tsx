import { SCOPE_CHOICES } from "./scopes";

/** Each scope of a key with what it lets a program do. */
export function ScopeList({ scopes }: { readonly scopes: readonly string[] }) {
  return (
    <ul className="scope-list">
      {SCOPE_CHOICES.filter(({ value }) => scopes.includes(value)).map(({ value, label, description }) => (
        <li key={value}>
          {label} <span className="hint">{description}</span>
        </li>
      ))}
    </ul>
  );
}
