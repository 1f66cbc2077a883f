import { graphql, useFragment } from "react-relay/hooks";
import type { Release_release$key } from "../__generated__/Release_release.graphql";
import { Time } from "../ui/Time";
import { ReleaseFile } from "./ReleaseFile";

interface Props {
  readonly release: Release_release$key;
  readonly licenseId: string | null;
}

export function Release({ release: key, licenseId }: Props) {
  const release = useFragment(
    graphql`
      fragment Release_release on ThemeRelease {
        id
        version
        notes
        releasedAt
        files {
          id
          ...ReleaseFile_file
        }
      }
    `,
    key,
  );
  return (
    <article className="panel" aria-labelledby={release.id}>
      <header className="release-header">
        <h3 id={release.id}>{release.version}</h3>
        <span className="hint">
          <Time value={release.releasedAt} detail="day" />
        </span>
      </header>
      {typeof release.notes === "string" && <p className="release-notes">{release.notes}</p>}
      <ul className="release-files" aria-label={`Files of ${release.version}`}>
        {release.files.map((file) => (
          <ReleaseFile key={file.id} file={file} licenseId={licenseId} />
        ))}
      </ul>
    </article>
  );
}
