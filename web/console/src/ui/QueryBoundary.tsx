import { Suspense, type ReactNode } from "react";
import { ErrorBoundary } from "../shell/ErrorBoundary";
import { Loading } from "./Loading";

interface Props {
  /** After a failure, the part is tried again when this changes. */
  readonly resetKey?: string;
  readonly children: ReactNode;
}

/** Around a part that loads data of its own, such as the body of a dialog. */
export function QueryBoundary({ resetKey, children }: Props) {
  return (
    <ErrorBoundary resetKey={resetKey}>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </ErrorBoundary>
  );
}
