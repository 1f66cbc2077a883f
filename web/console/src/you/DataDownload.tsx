import { graphql } from "react-relay/hooks";
import type { DataDownloadMutation } from "../__generated__/DataDownloadMutation.graphql";
import { useChange } from "../relay/useChange";
import { useDownload } from "../relay/useDownload";
import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";

export function DataDownload() {
  const [download, isRequesting] = useDownload();
  const [request] = useChange<DataDownloadMutation>(graphql`
    mutation DataDownloadMutation {
      requestPersonalData {
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
    <Panel title="Download your data">
      <p>
        One JSON file with your profile, sessions, memberships, invitations, API keys, licenses, emails and events, also of
        accounts that you have left. The file has no secrets, but keep it to yourself: it has IP addresses.
      </p>
      <div>
        <Button isBusy={isRequesting} onPress={() => void download(async () => (await request({})).requestPersonalData)}>
          Download
        </Button>
      </div>
    </Panel>
  );
}
