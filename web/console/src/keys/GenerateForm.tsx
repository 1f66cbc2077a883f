import { useState, type ReactNode } from "react";
import { graphql } from "react-relay/hooks";
import type { GenerateFormMutation } from "../__generated__/GenerateFormMutation.graphql";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import type { UserProblem } from "../relay/userErrors";
import { DialogForm } from "../ui/DialogForm";
import { TextField } from "../ui/TextField";
import { useDraft } from "../ui/useDraft";
import { ExpiryField } from "./ExpiryField";
import { KeyMemberField } from "./KeyMemberField";
import { NetworksField, networksOf } from "./NetworksField";
import { ScopeField } from "./ScopeField";
import { defaultExpiry, expiresAt, expiryChoices } from "./expiryChoices";
import { EMPTY_DRAFT, draftProblem } from "./generateDraft";
import { SCOPE_CHOICES } from "./scopes";

export interface Generated {
  readonly id: string;
  readonly name: string;
  /** Null for a key of another member, and where the first answer was lost. */
  readonly secret: string | null;
  /** Who claims the key, or null for one of the viewer. */
  readonly claimedBy: string | null;
}

interface Props {
  readonly accountId: string;
  readonly memberId: string;
  readonly maxDays: number | null;
  readonly onClose: () => void;
  readonly onGenerated: (key: Generated) => void;
  /** What the account's rules say about keys. */
  readonly children: ReactNode;
}

const FIELD_NAMES = ["memberId", "name", "scopes", "allowedNetworks"];

export function GenerateForm({ accountId, memberId, maxDays, onClose, onGenerated, children }: Props) {
  const [draft, change, clear] = useDraft(`key:${accountId}`, EMPTY_DRAFT);
  const [openedAt] = useState(Date.now);
  const idempotencyKey = useIdempotencyKey();
  const expiry = expiryChoices(maxDays).find(({ value }) => value === draft.expiry)?.value ?? defaultExpiry(maxDays);
  const [generate] = useChange<GenerateFormMutation>(graphql`
    mutation GenerateFormMutation($input: GenerateApiKeyInput!) {
      generateApiKey(input: $input) {
        apiKey {
          id
          name
          member {
            id
            name
          }
        }
        secret
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit(): Promise<readonly UserProblem[]> {
    const problem = draftProblem(draft, expiry);
    if (problem !== null) return [problem];
    const input = {
      accountId,
      memberId: draft.isForOther ? draft.memberId : null,
      name: draft.name,
      scopes: draft.scopes,
      expiresAt: expiresAt(expiry, draft.expiresAt, openedAt),
      allowedNetworks: networksOf(draft.networks),
    };
    const { generateApiKey } = await generate({ input: { ...input, idempotencyKey: idempotencyKey(input) } });
    const key = generateApiKey?.apiKey;
    if (key) {
      clear();
      const claimedBy = key.member.id === memberId ? null : key.member.name;
      onGenerated({ id: key.id, name: key.name, secret: generateApiKey.secret ?? null, claimedBy });
    }
    return generateApiKey?.userErrors ?? [];
  }

  return (
    <DialogForm
      submitLabel="Generate"
      fieldNames={expiry === "custom" ? [...FIELD_NAMES, "expiresAt"] : FIELD_NAMES}
      onClose={onClose}
      onSubmit={submit}
      onSuccess={() => undefined}
    >
      <KeyMemberField accountId={accountId} viewerMemberId={memberId} draft={draft} onChange={change} />
      <TextField
        name="name"
        label="Name"
        description="What the key is used for, such as the program and its server."
        isRequired
        maxLength={100}
        value={draft.name}
        onChange={(name) => change({ name })}
      />
      <ScopeField
        description="What the program may do, as far as the role of its member allows it. Take only those that it needs."
        choices={SCOPE_CHOICES.map(({ value }) => value)}
        value={draft.scopes}
        onChange={(scopes) => change({ scopes })}
      />
      <ExpiryField
        maxDays={maxDays}
        expiry={expiry}
        entered={draft.expiresAt}
        onChange={(changes) => change({ expiry: changes.expiry ?? expiry, expiresAt: changes.entered ?? draft.expiresAt })}
      />
      {children}
      <NetworksField value={draft.networks} onChange={(networks) => change({ networks })} />
    </DialogForm>
  );
}
