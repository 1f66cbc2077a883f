import { graphql } from "react-relay/hooks";
import type { InvoiceDownloadMutation } from "../__generated__/InvoiceDownloadMutation.graphql";
import { useChange } from "../relay/useChange";
import { useDownload } from "../relay/useDownload";
import { Button } from "../ui/Button";
import { DownloadIcon } from "../ui/icons";

interface Props {
  readonly id: string;
  readonly number: string;
  readonly isInTabOrder?: boolean;
}

/** Saves an invoice as a PDF. */
export function InvoiceDownload({ id, number, isInTabOrder = true }: Props) {
  const [save, isRequesting] = useDownload();
  const [request] = useChange<InvoiceDownloadMutation>(graphql`
    mutation InvoiceDownloadMutation($input: RequestInvoiceDownloadInput!) {
      requestInvoiceDownload(input: $input) {
        download {
          url
          fileName
        }
        userErrors {
          message
        }
      }
    }
  `);
  return (
    <Button
      isBusy={isRequesting}
      aria-label={`Download ${number} as PDF`}
      excludeFromTabOrder={!isInTabOrder}
      onPress={() => void save(async () => (await request({ input: { invoiceId: id } })).requestInvoiceDownload)}
    >
      <DownloadIcon /> PDF
    </Button>
  );
}
