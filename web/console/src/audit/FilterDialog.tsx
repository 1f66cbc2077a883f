import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { FilterDialogQuery } from "../__generated__/FilterDialogQuery.graphql";
import { ApiError } from "../relay/errors";
import type { UserProblem } from "../relay/userErrors";
import { Checklist } from "../ui/Checklist";
import { DateTimeField, fromIso, toIso } from "../ui/DateTimeField";
import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";
import { useEdits } from "../ui/useDraft";
import { ActionField } from "./ActionField";
import { ActorField } from "./ActorField";
import { filterInput, type AuditFilters } from "./auditFilters";
import { CREDENTIAL_CHOICES, TARGET_TYPE_CHOICES } from "./labels";

interface Props {
  readonly accountId: string;
  readonly seesAll: boolean;
  readonly filters: AuditFilters;
  readonly onApply: (filters: AuditFilters) => void;
  readonly onClose: () => void;
}

const FIELDS = ["actions", "occurredFrom", "occurredUntil", "ip", "requestId", "targetId", "apiKeyId"];

/** Filters that are not in the toolbar. They apply together, once they are valid. */
export function FilterDialog({ accountId, seesAll, filters, onApply, onClose }: Props) {
  const environment = useRelayEnvironment();
  const [draft, change] = useEdits(`audit-filters:${accountId}`, filters);

  /** The API says what is wrong with a filter. */
  async function submit(): Promise<readonly UserProblem[]> {
    const { occurredFrom, occurredUntil } = draft;
    if (occurredFrom && occurredUntil && occurredFrom >= occurredUntil) {
      return [{ message: "The end has to be later than the beginning.", path: ["occurredUntil"] }];
    }
    try {
      await fetchQuery<FilterDialogQuery>(environment, CHECK, {
        accountId,
        seesAll,
        filter: filterInput(draft, new Date()),
      }).toPromise();
    } catch (error) {
      if (error instanceof ApiError && error.code === "BAD_USER_INPUT") return [problemOf(error.message)];
      throw error;
    }
    onApply(draft);
    return [];
  }

  return (
    <FormDialog title="Filters" submitLabel="Show events" fieldNames={FIELDS} onClose={onClose} onSubmit={submit}>
      <ActionField selected={draft.actions ?? []} onChange={(actions) => change({ actions })} />
      {seesAll && (
        <ActorField accountId={accountId} selected={draft.actorIds ?? []} onChange={(actorIds) => change({ actorIds })} />
      )}
      <div className="field-pair">
        <DateTimeField
          name="occurredFrom"
          label="From"
          value={fromIso(draft.occurredFrom)}
          onChange={(value) => change({ occurredFrom: toIso(value), period: null })}
        />
        <DateTimeField
          name="occurredUntil"
          label="Until"
          value={fromIso(draft.occurredUntil)}
          onChange={(value) => change({ occurredUntil: toIso(value), period: null })}
        />
      </div>
      <Checklist
        label="Signed in with"
        choices={CREDENTIAL_CHOICES}
        selected={known(draft.credentialKinds, CREDENTIAL_CHOICES)}
        onChange={(credentialKinds) => change({ credentialKinds })}
      />
      <Checklist
        label="Is about"
        choices={TARGET_TYPE_CHOICES}
        selected={known(draft.targetTypes, TARGET_TYPE_CHOICES)}
        onChange={(targetTypes) => change({ targetTypes })}
      />
      <div className="field-pair">
        <TextField name="ip" label="IP address" maxLength={100} value={draft.ip ?? ""} onChange={(ip) => change({ ip })} />
        <TextField
          name="requestId"
          label="Request id"
          maxLength={200}
          value={draft.requestId ?? ""}
          onChange={(requestId) => change({ requestId })}
        />
        <TextField
          name="targetId"
          label="Id of an object"
          value={draft.targetId ?? ""}
          onChange={(targetId) => change({ targetId })}
        />
        <TextField
          name="apiKeyId"
          label="Id of an API key"
          value={draft.apiKeyId ?? ""}
          onChange={(apiKeyId) => change({ apiKeyId })}
        />
      </div>
      <p className="hint">You can also open an event and choose what else to see of its person, address, request or object.</p>
    </FormDialog>
  );
}

function known<Value extends string>(
  values: readonly string[] | null | undefined,
  choices: readonly { readonly value: Value }[],
): readonly Value[] {
  return choices.map(({ value }) => value).filter((value) => values?.includes(value));
}

/** Its message begins with the name of the filter: "`ip` is not an IP address". */
function problemOf(message: string): UserProblem {
  const [, name = ""] = /^`(\w+)` /.exec(message) ?? [];
  return { message: message.replace(/^`\w+` is/, "This is"), path: [name] };
}

const CHECK = graphql`
  query FilterDialogQuery($accountId: ID!, $seesAll: Boolean!, $filter: AuditLogFilter) {
    account(id: $accountId) {
      auditLog(first: 0, filter: $filter) @include(if: $seesAll) {
        nodes {
          id
        }
      }
      viewerMember {
        activity(first: 0, filter: $filter) @skip(if: $seesAll) {
          nodes {
            id
          }
        }
      }
    }
  }
`;
