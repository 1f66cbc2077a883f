import { graphql, useFragment } from "react-relay/hooks";
import type { InstalledVersion_license$key } from "../__generated__/InstalledVersion_license.graphql";
import { RelativeTime } from "../ui/RelativeTime";

/** What the installed theme reported with its last check, and from where if that was not the site itself. */
export function InstalledVersion({ license }: { readonly license: InstalledVersion_license$key }) {
  const { site, installedVersion, lastVerifiedAt, lastVerifiedSite, theme } = useFragment(
    graphql`
      fragment InstalledVersion_license on License {
        site
        installedVersion
        lastVerifiedAt
        lastVerifiedSite
        theme {
          latestVersion
        }
      }
    `,
    license,
  );
  if (lastVerifiedAt === null || lastVerifiedAt === undefined) return <span className="quiet">Not checked yet</span>;
  const isOld = typeof installedVersion === "string" && installedVersion !== theme.latestVersion;
  return (
    <span className="stacked">
      <span>
        {installedVersion ?? "Version unknown"}
        {isOld && <span className="quiet"> · newest {theme.latestVersion}</span>}
      </span>
      <span className="hint">
        Checked <RelativeTime value={lastVerifiedAt} />
        {typeof lastVerifiedSite === "string" && lastVerifiedSite !== site && <> on {lastVerifiedSite}</>}
      </span>
    </span>
  );
}
