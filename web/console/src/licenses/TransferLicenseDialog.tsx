import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { TransferLicenseDialogMutation } from "../__generated__/TransferLicenseDialogMutation.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import { licenseName, type LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly accountId: string;
  readonly onClose: () => void;
}

export function TransferLicenseDialog({ license, accountId, onClose }: Props) {
  const [receiverId, setReceiverId] = useState<string | null>(null);
  const [transfer] = useChange<TransferLicenseDialogMutation>(graphql`
    mutation TransferLicenseDialogMutation($input: TransferLicenseInput!) {
      transferLicense(input: $input) {
        license {
          id
          holder {
            id
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

  async function submit() {
    if (receiverId === null) return [{ message: "Choose the member who will hold the license.", path: ["toMemberId"] }];
    const { transferLicense } = await transfer({ input: { licenseId: license.id, toMemberId: receiverId } });
    const problems = transferLicense?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`${transferLicense?.license?.holder.name} now holds ${licenseName(license)}.`);
    return problems;
  }

  return (
    <FormDialog
      title={`Transfer ${licenseName(license)}`}
      submitLabel="Transfer"
      fieldNames={["toMemberId"]}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        The key and the site stay as they are. The new holder can see the key; {license.holder.name} no longer can, unless as an
        Admin. Both are told by email.
      </p>
      <MemberPicker
        name="toMemberId"
        label="New holder"
        placeholder="Name"
        accountId={accountId}
        exceptId={license.holder.id}
        autoFocus
        onChange={setReceiverId}
      />
    </FormDialog>
  );
}
