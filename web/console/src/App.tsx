import { Suspense } from "react";
import { RelayEnvironmentProvider } from "react-relay/hooks";
import { environment } from "./relay/environment";
import { ErrorBoundary } from "./shell/ErrorBoundary";
import { Pages } from "./shell/Pages";
import { SessionGuard } from "./shell/SessionGuard";
import { Loading } from "./ui/Loading";
import { Toasts } from "./ui/Toasts";

export function App() {
  return (
    <RelayEnvironmentProvider environment={environment}>
      <ErrorBoundary headingLevel={1}>
        <Suspense fallback={<Loading />}>
          <SessionGuard>{(viewer, reload) => <Pages viewer={viewer} onViewerChange={reload} />}</SessionGuard>
        </Suspense>
      </ErrorBoundary>
      <Toasts />
    </RelayEnvironmentProvider>
  );
}
