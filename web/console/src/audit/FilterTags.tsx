import { Button } from "../ui/Button";
import { Tags, type TagItem } from "../ui/Tags";
import { timeText } from "../ui/Time";
import { hasFilters, type AuditFilters } from "./auditFilters";
import { CREDENTIAL_CHOICES, typeWords, wordsOf } from "./labels";
import { useObjectNames } from "./useObjectNames";

interface Props {
  readonly filters: AuditFilters;
  readonly onChange: (changes: AuditFilters) => void;
  readonly onClear: () => void;
}

interface SetFilter extends TagItem {
  /** What removes it. */
  readonly without: AuditFilters;
}

/** The filters that are set and not in the toolbar, each of which can be removed. */
export function FilterTags({ filters, onChange, onClear }: Props) {
  const { actorIds, targetId, apiKeyId } = filters;
  const nameOf = useObjectNames([...(actorIds ?? []), targetId, apiKeyId].filter((id) => typeof id === "string"));
  if (!hasFilters(filters)) return null;
  const items = setFilters(filters, nameOf);
  return (
    <div className="audit-tags">
      {items.length > 0 && (
        <Tags
          label="Filters"
          items={items}
          onRemove={(id) => onChange(items.find((item) => item.id === id)?.without ?? {})}
        />
      )}
      <Button kind="quiet" onPress={onClear}>
        Clear all
      </Button>
    </div>
  );
}

function setFilters(filters: AuditFilters, nameOf: (id: string) => string): readonly SetFilter[] {
  const { actions, actorIds, credentialKinds, targetTypes, targetId, apiKeyId, ip, requestId } = filters;
  return [
    ...listed(actions, "Action", wordsOf, (values) => ({ actions: values })),
    ...listed(actorIds, "Who", nameOf, (values) => ({ actorIds: values })),
    ...listed(credentialKinds, "Signed in with", credentialWords, (values) => ({ credentialKinds: values })),
    ...listed(targetTypes, "Is about", typeWords, (values) => ({ targetTypes: values })),
    ...single(targetId, "Is about", nameOf, { targetId: undefined }),
    ...single(apiKeyId, "API key", nameOf, { apiKeyId: undefined }),
    ...single(ip, "IP address", (text) => text, { ip: undefined }),
    ...single(requestId, "Request", (text) => text, { requestId: undefined }),
    ...single(filters.occurredFrom, "From", (time) => timeText(time), { occurredFrom: undefined }),
    ...single(filters.occurredUntil, "Until", (time) => timeText(time), { occurredUntil: undefined }),
  ];
}

function listed<Value extends string>(
  values: readonly Value[] | null | undefined,
  label: string,
  show: (value: Value) => string,
  change: (values: readonly Value[]) => AuditFilters,
): readonly SetFilter[] {
  return (values ?? []).map((value) => ({
    id: `${label} ${value}`,
    label,
    value: show(value),
    without: change((values ?? []).filter((each) => each !== value)),
  }));
}

function single(
  value: string | null | undefined,
  label: string,
  show: (value: string) => string,
  without: AuditFilters,
): readonly SetFilter[] {
  return value ? [{ id: `${label} ${value}`, label, value: show(value), without }] : [];
}

function credentialWords(kind: string): string {
  return CREDENTIAL_CHOICES.find(({ value }) => value === kind)?.label ?? kind;
}
