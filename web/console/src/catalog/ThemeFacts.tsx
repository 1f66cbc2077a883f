import { graphql, useFragment } from "react-relay/hooks";
import type { ThemeFacts_theme$key } from "../__generated__/ThemeFacts_theme.graphql";
import { Detail, DetailList } from "../ui/DetailList";
import { Money } from "../ui/Money";
import { Panel } from "../ui/Panel";
import { Time } from "../ui/Time";

export function ThemeFacts({ theme: key }: { readonly theme: ThemeFacts_theme$key }) {
  const theme = useFragment(
    graphql`
      fragment ThemeFacts_theme on Theme {
        latestVersion
        publishedAt
        price {
          amount
          currency
        }
      }
    `,
    key,
  );
  return (
    <Panel title="Theme">
      <DetailList>
        <Detail term="Price">
          <Money value={theme.price} /> a license, without tax
        </Detail>
        <Detail term="Newest version">{theme.latestVersion}</Detail>
        <Detail term="In the catalog since">
          <Time value={theme.publishedAt} detail="day" />
        </Detail>
      </DetailList>
    </Panel>
  );
}
