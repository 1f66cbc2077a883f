import { useMemo, useState, type ReactNode } from "react";
import { ACCOUNT_PAGES, type AccountPage } from "../pages";
import type { Membership, Permission, Viewer } from "../relay/types";
import { roleTitle } from "../roles";
import { Loading } from "../ui/Loading";
import { AccountNavigation } from "./AccountNavigation";
import { NotFound } from "./NotFound";
import { Reauthentication } from "./Reauthentication";
import { Shell } from "./Shell";
import { useHasOwnKeys } from "./useHasOwnKeys";
import { useLiveMembership } from "./useLiveMembership";

interface Props {
  readonly viewer: Viewer;
  readonly membership: Membership;
  readonly path: string;
  readonly entryId: string | undefined;
  readonly onViewerChange: () => void;
}

/**
 * An account and the page of it that is open. When the account no longer accepts the session, the page stays, under the dialog
 * to sign in again.
 */
export function AccountShell({ membership, ...props }: Props) {
  const isRefused = membership.account.reauthenticationRequired;
  const [accepted, setAccepted] = useState(isRefused ? null : membership);
  if (!isRefused && accepted !== membership) setAccepted(membership);
  return accepted === null ? (
    <AccountFrame {...props} membership={membership} pages={[]}>
      <Reauthentication accountName={membership.account.name} email={props.viewer.user.email} />
    </AccountFrame>
  ) : (
    <OpenAccount {...props} membership={accepted} />
  );
}

function OpenAccount({ onViewerChange, ...props }: Props) {
  const { membership, path, entryId } = props;
  const { account } = membership;
  useLiveMembership(membership, onViewerChange);
  const permissions = useMemo(() => new Set(account.viewerPermissions as readonly Permission[]), [account.viewerPermissions]);
  const hasKeys = useHasOwnKeys(account.id, membership.id, !permissions.has("ACCESS_API"));
  const pages = ACCOUNT_PAGES.filter(
    ({ permission, isForKeyHolders }) => permissions.has(permission) || (isForKeyHolders === true && hasKeys === true),
  );
  const page = pages.find((each) => each.path === path && (entryId === undefined || each.hasEntries === true));
  const isUndecided = hasKeys === null && ACCOUNT_PAGES.some((each) => each.path === path && each.isForKeyHolders === true);

  return (
    <AccountFrame {...props} pages={pages}>
      {page === undefined ? (
        isUndecided ? <Loading /> : <NotFound />
      ) : (
        <page.component
          accountId={account.id}
          slug={account.slug}
          memberId={membership.id}
          permissions={permissions}
          entryId={entryId}
        />
      )}
    </AccountFrame>
  );
}

interface FrameProps extends Pick<Props, "viewer" | "membership" | "path" | "entryId"> {
  /** In the navigation. */
  readonly pages: readonly AccountPage[];
  readonly children: ReactNode;
}

function AccountFrame({ viewer, membership, path, entryId, pages, children }: FrameProps) {
  return (
    <Shell
      viewer={viewer}
      hint={roleTitle(membership.role)}
      navigation={<AccountNavigation viewer={viewer} membership={membership} pages={pages} path={path} />}
      pageKey={`${path}/${entryId ?? ""}`}
    >
      {children}
    </Shell>
  );
}
