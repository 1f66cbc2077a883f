import { graphql } from "react-relay/hooks";
import type { LicenseSiteDialogMutation } from "../__generated__/LicenseSiteDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import type { LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

export function LicenseSiteDialog({ license, onClose }: Props) {
  const [{ site }, change] = useEdits(`site:${license.id}`, { site: license.site });
  const [move] = useChange<LicenseSiteDialogMutation>(graphql`
    mutation LicenseSiteDialogMutation($input: ChangeLicenseSiteInput!) {
      changeLicenseSite(input: $input) {
        license {
          id
          site
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { changeLicenseSite } = await move({ input: { licenseId: license.id, site } });
    const problems = changeLicenseSite?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`${license.theme.name} is now licensed for ${changeLicenseSite?.license?.site ?? site}.`);
    return problems;
  }

  return (
    <FormDialog title="Change the site" submitLabel="Change" fieldNames={["site"]} onClose={onClose} onSubmit={submit}>
      <p>
        The license keeps its key and its holder. {license.theme.name} on {license.site} is answered WRONG_SITE at its next check.
      </p>
      <TextField
        name="site"
        label="New site"
        description="A host name, such as www.example.com. Its staging copies need no license of their own."
        autoFocus
        maxLength={253}
        value={site}
        onChange={(text) => change({ site: text })}
      />
    </FormDialog>
  );
}
