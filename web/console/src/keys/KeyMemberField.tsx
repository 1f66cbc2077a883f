import { MemberPicker } from "../pickers/MemberPicker";
import type { Role } from "../relay/types";
import { ChoiceField, type Choice } from "../ui/ChoiceField";
import type { GenerateDraft } from "./generateDraft";

interface Props {
  readonly accountId: string;
  readonly viewerMemberId: string;
  readonly draft: GenerateDraft;
  readonly onChange: (changes: Partial<GenerateDraft>) => void;
}

const CHOICES: readonly Choice<"self" | "other">[] = [
  { value: "self", label: "You", description: "You see the secret once, right away." },
  { value: "other", label: "Another member", description: "Gets an email, claims the key by its link, and is the only one to see the secret." },
];
/** Those with ACCESS_API. */
const ROLES: readonly Role[] = ["ADMIN", "MEMBER"];

/** As whom the program acts. */
export function KeyMemberField({ accountId, viewerMemberId, draft, onChange }: Props) {
  return (
    <>
      <ChoiceField
        name="isForOther"
        label="For"
        choices={CHOICES}
        value={draft.isForOther ? "other" : "self"}
        onChange={(value) => onChange({ isForOther: value === "other" })}
      />
      {draft.isForOther && (
        <MemberPicker
          name="memberId"
          label="Member"
          description="Admins and Members: a Viewer has no API access."
          placeholder="Name"
          accountId={accountId}
          roles={ROLES}
          exceptId={viewerMemberId}
          initialName={draft.memberName}
          onChange={(id, name) => onChange({ memberId: id ?? "", memberName: name ?? "" })}
        />
      )}
    </>
  );
}
