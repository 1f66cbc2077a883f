import { graphql, useFragment } from "react-relay/hooks";
import type { ReleaseFileMutation } from "../__generated__/ReleaseFileMutation.graphql";
import type { ReleaseFile_file$key } from "../__generated__/ReleaseFile_file.graphql";
import { useChange } from "../relay/useChange";
import { useDownload } from "../relay/useDownload";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { DownloadIcon } from "../ui/icons";
import { sizeText } from "./sizeText";

interface Props {
  readonly file: ReleaseFile_file$key;
  /** With which the file is downloaded. Null where it cannot be. */
  readonly licenseId: string | null;
}

export function ReleaseFile({ file: key, licenseId }: Props) {
  const file = useFragment(
    graphql`
      fragment ReleaseFile_file on ThemeFile {
        id
        name
        size
        sha256
        mediaType
      }
    `,
    key,
  );
  const [save, isRequesting] = useDownload();
  const [request] = useChange<ReleaseFileMutation>(graphql`
    mutation ReleaseFileMutation($input: RequestThemeDownloadInput!) {
      requestThemeDownload(input: $input) {
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

  function download(id: string) {
    void save(async () => (await request({ input: { licenseId: id, fileId: file.id } })).requestThemeDownload);
  }

  return (
    <li>
      <div className="release-file">
        <strong>{file.name}</strong>
        <span className="hint">
          {sizeText(file.size)}, {file.mediaType}
        </span>
        <span className="hint">
          SHA-256: <code>{file.sha256}</code>
        </span>
      </div>
      <div className="release-file-actions">
        <CopyButton name={`the SHA-256 checksum of ${file.name}`} text={file.sha256} />
        {licenseId !== null && (
          <Button isBusy={isRequesting} aria-label={`Download ${file.name}`} onPress={() => download(licenseId)}>
            <DownloadIcon /> Download
          </Button>
        )}
      </div>
    </li>
  );
}
