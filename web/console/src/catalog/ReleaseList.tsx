import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { ReleaseList_theme$key } from "../__generated__/ReleaseList_theme.graphql";
import { Button } from "../ui/Button";
import { Release } from "./Release";

interface Props {
  readonly theme: ReleaseList_theme$key;
  /** An active license of the theme, with which its files are downloaded. Null where the account has none. */
  readonly licenseId: string | null;
  readonly mayDownload: boolean;
}

const FIRST_RELEASES = 3;

/** The newest releases, and the others on request. */
export function ReleaseList({ theme, licenseId, mayDownload }: Props) {
  const { releases } = useFragment(
    graphql`
      fragment ReleaseList_theme on Theme {
        releases {
          id
          ...Release_release
        }
      }
    `,
    theme,
  );
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? releases : releases.slice(0, FIRST_RELEASES);
  return (
    <section className="releases" aria-labelledby="releases">
      <h2 id="releases">Releases</h2>
      {mayDownload && licenseId === null && (
        <p className="hint">Files can be downloaded once a license of this theme is active.</p>
      )}
      {shown.map((release) => (
        <Release key={release.id} release={release} licenseId={mayDownload ? licenseId : null} />
      ))}
      {shown.length < releases.length && (
        <Button onPress={() => setShowsAll(true)}>Show all {releases.length} releases</Button>
      )}
    </section>
  );
}
