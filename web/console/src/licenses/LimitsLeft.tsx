import { graphql, useFragment } from "react-relay/hooks";
import type { LimitsLeft_account$key } from "../__generated__/LimitsLeft_account.graphql";

/** How many licenses can still become active, where there is a limit. */
export function LimitsLeft({ account }: { readonly account: LimitsLeft_account$key }) {
  const { limits, viewerMember } = useFragment(
    graphql`
      fragment LimitsLeft_account on Account {
        limits {
          activeLicenses
          maxActiveLicenses
        }
        viewerMember {
          role
          limits {
            activeLicenses
            maxActiveLicenses
          }
        }
      }
    `,
    account,
  );
  const own = viewerMember.role === "ADMIN" ? null : viewerMember.limits;
  const texts = [limitText("The account has", limits), own ? limitText("You hold", own) : null].filter((text) => text !== null);
  return texts.length === 0 ? null : <p className="hint">{texts.join(" ")}</p>;
}

interface Limit {
  readonly activeLicenses: number;
  readonly maxActiveLicenses: number | null | undefined;
}

function limitText(subject: string, { activeLicenses, maxActiveLicenses }: Limit): string | null {
  if (maxActiveLicenses === null || maxActiveLicenses === undefined) return null;
  return `${subject} ${activeLicenses.toLocaleString()} of at most ${maxActiveLicenses.toLocaleString()} active licenses.`;
}
