import { Suspense, lazy } from "react";
import { Redirect, Route, Switch } from "wouter";
import { ACCOUNTS_URL, ACCOUNT_PAGES, PERSONAL_PAGES, accountUrl } from "../pages";
import type { Viewer } from "../relay/types";
import { Loading } from "../ui/Loading";
import { AccountShell } from "./AccountShell";
import { ErrorBoundary } from "./ErrorBoundary";
import { NotFound } from "./NotFound";
import { PersonalShell } from "./PersonalShell";

const FrontPage = lazy(() => import("../front/FrontPage"));

interface Props {
  readonly viewer: Viewer;
  readonly onViewerChange: () => void;
}

type AccountPath = { readonly slug: string; readonly page?: string; readonly entryId?: string };

/** The app's URLs: `/`, `/accounts`, `/accounts/SLUG/PAGE`, and `/accounts/SLUG/PAGE/ID` of a page's entry, and `/PAGE` about the person. */
export function Pages({ viewer, onViewerChange }: Props) {
  const [only, ...others] = viewer.memberships;
  const front = (
    <ErrorBoundary headingLevel={1}>
      <Suspense fallback={<Loading />}>
        <FrontPage viewer={viewer} />
      </Suspense>
    </ErrorBoundary>
  );
  return (
    <Switch>
      <Route path="/">
        {only !== undefined && others.length === 0 ? (
          <Redirect to={accountUrl(only.account.slug)} replace />
        ) : (
          front
        )}
      </Route>
      <Route path={ACCOUNTS_URL}>{front}</Route>
      <Route<AccountPath> path="/accounts/:slug/:page?/:entryId?">
        {({ slug, page, entryId }) => {
          const membership = viewer.memberships.find(({ account }) => account.slug === slug);
          if (membership === undefined) return <NotFoundPage />;
          const first = ACCOUNT_PAGES.find(({ permission }) => membership.account.viewerPermissions.includes(permission));
          if (page === undefined && first !== undefined) {
            // A key of its own: Redirect acts when it is mounted.
            return <Redirect key="page" to={accountUrl(slug, first.path)} replace />;
          }
          return (
            <AccountShell
              key={membership.id}
              viewer={viewer}
              membership={membership}
              path={page ?? ""}
              entryId={entryId}
              onViewerChange={onViewerChange}
            />
          );
        }}
      </Route>
      {PERSONAL_PAGES.map((page) => (
        <Route key={page.path} path={`/${page.path}`}>
          <PersonalShell page={page} viewer={viewer} onViewerChange={onViewerChange} />
        </Route>
      ))}
      <Route>
        <NotFoundPage />
      </Route>
    </Switch>
  );
}

function NotFoundPage() {
  return (
    <main className="front">
      <NotFound />
    </main>
  );
}
