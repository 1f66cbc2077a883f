import { graphql, useFragment } from "react-relay/hooks";
import type { DetailsForm_details$key } from "../__generated__/DetailsForm_details.graphql";
import type { DetailsFormMutation } from "../__generated__/DetailsFormMutation.graphql";
import { useChange } from "../relay/useChange";
import { Button } from "../ui/Button";
import { SubmitForm } from "../ui/SubmitForm";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useDraft } from "../ui/useDraft";
import { CountryField } from "./CountryField";
import { detailsInput, detailsTexts, type DetailsTexts } from "./detailsTexts";

interface Props {
  readonly accountId: string;
  readonly accountName: string;
  readonly details: DetailsForm_details$key;
}

const FIELD_NAMES = ["company", "email", "addressLines", "country", "taxId"];
const NO_CHANGES: Partial<DetailsTexts> = {};

/** What is printed on future invoices, and where they are sent. Changes that are not saved yet survive a reload. */
export function DetailsForm({ accountId, accountName, details }: Props) {
  const saved = useFragment(
    graphql`
      fragment DetailsForm_details on BillingDetails {
        company
        email
        addressLines
        country
        taxId
        currency
      }
    `,
    details,
  );
  const [changes, change, clear] = useDraft(`billing-details:${accountId}`, NO_CHANGES);
  const texts = { ...detailsTexts(saved), ...changes };
  const [update] = useChange<DetailsFormMutation>(graphql`
    mutation DetailsFormMutation($input: UpdateBillingDetailsInput!) {
      updateBillingDetails(input: $input) {
        billing {
          details {
            ...DetailsForm_details
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
    const { updateBillingDetails } = await update(
      { input: { accountId, ...detailsInput(texts) } },
      {
        // Billing has no id by which the store would find it.
        updater: (store, data) => {
          const billing = store.getRootField("updateBillingDetails")?.getLinkedRecord("billing");
          const account = store.get(accountId);
          if (data?.updateBillingDetails?.billing && billing) {
            account?.getLinkedRecord("billing")?.setLinkedRecord(billing.getLinkedRecord("details"), "details");
          }
        },
      },
    );
    return updateBillingDetails?.userErrors ?? [];
  }

  function finish() {
    clear();
    showSuccess("The billing details were saved. They apply to future invoices.");
  }

  return (
    <div className="panel billing-details">
      <SubmitForm
        fieldNames={FIELD_NAMES}
        onSubmit={submit}
        onSuccess={finish}
        actions={(isPending) => (
          <footer className="form-footer">
            <Button type="submit" kind="primary" isBusy={isPending}>
              Save
            </Button>
            {Object.keys(changes).length > 0 && (
              <Button kind="quiet" onPress={clear}>
                Discard changes
              </Button>
            )}
          </footer>
        )}
      >
        <p className="hint">
          Printed on future invoices. Issued invoices keep the details of their time. Invoices are in {saved.currency}.
        </p>
        <TextField
          name="company"
          label="Company"
          placeholder={accountName}
          description="If it is empty, the name of the account is printed."
          maxLength={200}
          value={texts.company}
          onChange={(company) => change({ company })}
        />
        <TextField
          name="addressLines"
          label="Address"
          description="Up to 6 lines, without the country."
          rows={3}
          value={texts.addressLines}
          onChange={(addressLines) => change({ addressLines })}
        />
        <CountryField name="country" label="Country" value={texts.country} onChange={(country) => change({ country })} />
        <TextField
          name="taxId"
          label="Tax id"
          description="A VAT id of another country of the EU leads to invoices without tax, by reverse charge."
          maxLength={40}
          value={texts.taxId}
          onChange={(taxId) => change({ taxId })}
        />
        <TextField
          name="email"
          label="Email address for invoices"
          description="Receives each invoice besides the owner."
          inputMode="email"
          maxLength={320}
          value={texts.email}
          onChange={(email) => change({ email })}
        />
      </SubmitForm>
    </div>
  );
}
