import type { RequestParameters } from "relay-runtime";

/** How a request names its operation: by the id under which persisted.json has its document. */
export interface DocumentName {
  readonly documentId: string | null;
}

export function documentOf(parameters: RequestParameters): DocumentName {
  return { documentId: parameters.id };
}
