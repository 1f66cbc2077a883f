import { Suspense, type ReactNode } from "react";
import type { Viewer } from "../relay/types";
import { Loading } from "../ui/Loading";
import { ErrorBoundary } from "./ErrorBoundary";
import { Sidebar } from "./Sidebar";

interface Props {
  readonly viewer: Viewer;
  /** Under the person's name. */
  readonly hint: string;
  readonly navigation: ReactNode;
  /** Names the page, so that a failure of one is not shown for the next. */
  readonly pageKey: string;
  readonly children: ReactNode;
}

/** The sidebar with the navigation, and a page, also while it is loaded and when it fails. */
export function Shell({ viewer, hint, navigation, pageKey, children }: Props) {
  return (
    <div className="shell">
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <Sidebar viewer={viewer} hint={hint}>
        {navigation}
      </Sidebar>
      <main id="content" className="content" tabIndex={-1}>
        <ErrorBoundary key={pageKey} headingLevel={1}>
          <Suspense fallback={<Loading />}>{children}</Suspense>
        </ErrorBoundary>
      </main>
    </div>
  );
}
