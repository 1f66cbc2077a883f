import { graphql, useFragment } from "react-relay/hooks";
import type { LimitsFormMutation } from "../__generated__/LimitsFormMutation.graphql";
import type { LimitsForm_limits$data, LimitsForm_limits$key } from "../__generated__/LimitsForm_limits.graphql";
import { ThemePicker } from "../pickers/ThemePicker";
import { useChange } from "../relay/useChange";
import { ChoiceField } from "../ui/ChoiceField";
import { DialogForm } from "../ui/DialogForm";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import type { MemberRow } from "./MemberTable";
import { ThemeChecklist, type ThemeName } from "./ThemeChecklist";

interface Props {
  readonly member: MemberRow;
  readonly limits: LimitsForm_limits$key;
  /** Themes to choose from. */
  readonly catalog: readonly ThemeName[];
  /** Whether the catalog has others, which are searched. */
  readonly hasMoreThemes: boolean;
  readonly onClose: () => void;
}

const THEME_CHOICES = [
  { value: "all", label: "All themes" },
  { value: "some", label: "Only these themes" },
] as const;

export function LimitsForm({ member, limits, catalog, hasMoreThemes, onClose }: Props) {
  const current = useFragment(
    graphql`
      fragment LimitsForm_limits on MemberLimits {
        maxActiveLicenses
        activeLicenses
        themes {
          id
          name
        }
      }
    `,
    limits,
  );
  const [{ most, scope, added, themeIds }, change] = useEdits(`limits:${member.id}`, draftOf(current));
  const [setLimits] = useChange<LimitsFormMutation>(graphql`
    mutation LimitsFormMutation($input: SetMemberLimitsInput!) {
      setMemberLimits(input: $input) {
        member {
          id
          limits {
            ...LimitsForm_limits
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  function add(id: string | null, name: string | null) {
    if (id === null || name === null || themeIds.includes(id)) return;
    change({ added: [{ id, name }, ...added.filter((theme) => theme.id !== id)], themeIds: [...themeIds, id] });
  }

  async function submit() {
    if (!/^\d*$/.test(most.trim())) {
      return [{ message: "Enter a whole number, or nothing for no limit.", path: ["maxActiveLicenses"] }];
    }
    const { setMemberLimits } = await setLimits({
      input: {
        memberId: member.id,
        maxActiveLicenses: most.trim() === "" ? null : Number(most),
        themeIds: scope === "all" ? null : themeIds,
      },
    });
    const problems = setMemberLimits?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`The limits of ${member.name} were changed.`);
    return problems;
  }

  return (
    <DialogForm submitLabel="Save" fieldNames={["maxActiveLicenses"]} onClose={onClose} onSubmit={submit}>
      {member.role === "ADMIN" && <p className="hint">Limits do not apply while {member.name} is an Admin.</p>}
      <TextField
        name="maxActiveLicenses"
        label="Most active licenses"
        description={`Leave it empty for no limit. ${member.name} holds ${current.activeLicenses} now; those stay.`}
        inputMode="numeric"
        autoFocus
        maxLength={9}
        value={most}
        onChange={(text) => change({ most: text })}
      />
      <ChoiceField name="themes" label="Themes to provision and download" choices={THEME_CHOICES} value={scope} onChange={(value) => change({ scope: value })} />
      {scope === "some" && (
        <ThemeChecklist
          themes={merged([...added, ...(current.themes ?? []), ...catalog])}
          selected={themeIds}
          onChange={(ids) => change({ themeIds: ids })}
        />
      )}
      {scope === "some" && hasMoreThemes && (
        <ThemePicker label="Add another theme" placeholder="Name of the theme" onChange={add} />
      )}
    </DialogForm>
  );
}

interface Draft {
  readonly most: string;
  readonly scope: "all" | "some";
  /** Themes that were searched. */
  readonly added: readonly ThemeName[];
  readonly themeIds: readonly string[];
}

function draftOf({ maxActiveLicenses, themes }: LimitsForm_limits$data): Draft {
  return {
    most: maxActiveLicenses?.toString() ?? "",
    scope: themes === null || themes === undefined ? "all" : "some",
    added: [],
    themeIds: themes?.map(({ id }) => id) ?? [],
  };
}

/** Each theme once: the chosen ones first, so that those beyond the first page of the catalog are there too. */
function merged(themes: readonly ThemeName[]): readonly ThemeName[] {
  return [...new Map(themes.map((theme) => [theme.id, theme])).values()];
}
