import type { UserProblem } from "../relay/userErrors";
import type { Expiry } from "./expiryChoices";
import type { Scope } from "./scopes";

export interface GenerateDraft {
  readonly isForOther: boolean;
  readonly memberId: string;
  readonly memberName: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Empty for what the account suggests. */
  readonly expiry: Expiry | "";
  readonly expiresAt: string;
  readonly networks: string;
}

export const EMPTY_DRAFT: GenerateDraft = {
  isForOther: false,
  memberId: "",
  memberName: "",
  name: "",
  scopes: ["READ"],
  expiry: "",
  expiresAt: "",
  networks: "",
};

/** What the server would understand otherwise than the person, or null. */
export function draftProblem(draft: GenerateDraft, expiry: Expiry): UserProblem | null {
  if (draft.isForOther && draft.memberId === "") return { message: "Choose a member from the list.", path: ["memberId"] };
  if (expiry === "custom" && draft.expiresAt === "") return { message: "Enter a day and a time.", path: ["expiresAt"] };
  return null;
}
