import { graphql, useFragment } from "react-relay/hooks";
import type { ProvisionFormMutation } from "../__generated__/ProvisionFormMutation.graphql";
import type { ProvisionForm_account$key } from "../__generated__/ProvisionForm_account.graphql";
import type { PageProps } from "../pages";
import { MemberPicker } from "../pickers/MemberPicker";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import type { UserProblem } from "../relay/userErrors";
import { DateTimeField, toIso } from "../ui/DateTimeField";
import { DialogForm } from "../ui/DialogForm";
import { TextField } from "../ui/TextField";
import { useDraft } from "../ui/useDraft";
import { EntitlementPicker } from "./EntitlementPicker";
import { LimitsLeft } from "./LimitsLeft";
import { hostOf } from "./hostOf";

export interface NewLicense {
  readonly id: string;
  readonly site: string;
  readonly themeName: string;
  /** Null where the viewer may not see it. */
  readonly key: string | null;
}

interface Props extends Pick<PageProps, "accountId" | "memberId" | "permissions"> {
  readonly account: ProvisionForm_account$key;
  readonly onClose: () => void;
  readonly onDone: (license: NewLicense) => void;
}

const EMPTY = { themeId: "", themeName: "", site: "", holderId: "", holderName: "", expiresAt: "" };
const FIELD_NAMES = ["themeId", "site", "holderId", "expiresAt"];

export function ProvisionForm({ account: key, accountId, memberId, permissions, onClose, onDone }: Props) {
  const account = useFragment(
    graphql`
      fragment ProvisionForm_account on Account {
        ...LimitsLeft_account
      }
    `,
    key,
  );
  const [draft, change, clear] = useDraft(`provision:${accountId}`, EMPTY);
  const idempotencyKey = useIdempotencyKey();
  const [provision] = useChange<ProvisionFormMutation>(graphql`
    mutation ProvisionFormMutation($input: ProvisionLicenseInput!, $showsKey: Boolean!) {
      provisionLicense(input: $input) {
        license {
          id
          site
          key @include(if: $showsKey)
          theme {
            name
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit(): Promise<readonly UserProblem[]> {
    if (draft.themeId === "") return [{ message: "Choose a theme from the list.", path: ["themeId"] }];
    const { themeId, site } = draft;
    const holderId = draft.holderId === "" ? null : draft.holderId;
    const input = { accountId, themeId, site: hostOf(site), holderId, expiresAt: toIso(draft.expiresAt) };
    const { provisionLicense } = await provision({
      input: { ...input, idempotencyKey: idempotencyKey(input) },
      // Asking for the key of another member's license would fail the mutation.
      showsKey: permissions.has("REVOKE_LICENSES") || (holderId ?? memberId) === memberId,
    });
    const license = provisionLicense?.license;
    if (license) {
      clear();
      onDone({ id: license.id, site: license.site, themeName: license.theme.name, key: license.key ?? null });
    }
    return provisionLicense?.userErrors ?? [];
  }

  return (
    <DialogForm submitLabel="Provision" fieldNames={FIELD_NAMES} onClose={onClose} onSubmit={submit} onSuccess={() => undefined}>
      <LimitsLeft account={account} />
      <EntitlementPicker
        name="themeId"
        label="Theme"
        placeholder="One that has licenses left"
        accountId={accountId}
        initialName={draft.themeName}
        autoFocus
        onChange={(id, name) => change({ themeId: id ?? "", themeName: name ?? "" })}
      />
      <TextField
        name="site"
        label="Site"
        description="A host name. Its staging copies need no license of their own."
        placeholder="www.example.com"
        maxLength={300}
        value={draft.site}
        onChange={(site) => change({ site })}
      />
      <MemberPicker
        name="holderId"
        label="Holder (optional)"
        description="Is responsible for the license and sees its key. If you choose nobody, you are."
        placeholder="You"
        accountId={accountId}
        initialName={draft.holderName}
        onChange={(id, name) => change({ holderId: id ?? "", holderName: name ?? "" })}
      />
      <DateTimeField
        name="expiresAt"
        label="Expires (optional)"
        description="Leave it empty for no expiry."
        value={draft.expiresAt}
        onChange={(expiresAt) => change({ expiresAt })}
      />
    </DialogForm>
  );
}
