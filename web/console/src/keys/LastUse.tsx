import { graphql, useFragment } from "react-relay/hooks";
import type { LastUse_apiKey$key } from "../__generated__/LastUse_apiKey.graphql";
import { RelativeTime } from "../ui/RelativeTime";

export function LastUse({ apiKey }: { readonly apiKey: LastUse_apiKey$key }) {
  const { lastUsedAt, lastUsedIp } = useFragment(
    graphql`
      fragment LastUse_apiKey on ApiKey {
        lastUsedAt
        lastUsedIp
      }
    `,
    apiKey,
  );
  if (typeof lastUsedAt !== "string") return <>Never</>;
  return (
    <>
      <RelativeTime value={lastUsedAt} />
      {typeof lastUsedIp === "string" && ` from ${lastUsedIp}`}
    </>
  );
}
