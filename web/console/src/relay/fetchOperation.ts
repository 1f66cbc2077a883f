import type { FetchFunction, GraphQLResponse, RequestParameters, Variables } from "relay-runtime";
import { documentOf } from "./documents";
import { ApiError, ConnectionError, askToSignIn, type ErrorWithExtensions } from "./errors";
import { isRefresh } from "./refreshQuery";
import { afterSignIn, isSignInDismissed } from "./session";

const ENDPOINT = "/graphql";
const TIMEOUT_MILLISECONDS = 30_000;
const RETRY_DELAYS_MILLISECONDS = [300, 1_500];

interface ResponseBody {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly ErrorWithExtensions[];
  /** Of a request that was refused before it was read. */
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * Sends an operation. The browser adds the session's cookie, which no script can read. A query that needs a new sign-in waits
 * for it, so that what is shown stays; a mutation fails, and the person repeats it.
 */
export const fetchOperation: FetchFunction = async (parameters, variables, config) => {
  for (;;) {
    const body = await sent(parameters, variables);
    const error = errorOf(body, parameters);
    if (error === null) return { data: body.data } as GraphQLResponse;
    if (isRefresh(config) && isSignInDismissed()) throw error;
    const canWait = askToSignIn(error) && parameters.operationKind === "query";
    if (!canWait || !(await afterSignIn())) throw error;
  }
};

/** Queries are repeated when the connection fails; a mutation could have been made already. */
async function sent(parameters: RequestParameters, variables: Variables): Promise<ResponseBody> {
  const delays = parameters.operationKind === "query" ? [...RETRY_DELAYS_MILLISECONDS] : [];
  for (;;) {
    try {
      return await sentOnce(parameters, variables);
    } catch (error) {
      const delay = delays.shift();
      if (!(error instanceof ConnectionError) || delay === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

async function sentOnce(parameters: RequestParameters, variables: Variables): Promise<ResponseBody> {
  try {
    const response = await fetch(ENDPOINT, {
      method: "POST",
      credentials: "same-origin",
      headers: { Accept: "application/graphql-response+json", "Content-Type": "application/json" },
      body: JSON.stringify({ ...documentOf(parameters), variables }),
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    return (await response.json()) as ResponseBody;
  } catch {
    throw new ConnectionError();
  }
}

/**
 * The error that fails the whole operation. A field of a query that the role does not allow is null, and the rest is
 * shown: the role can have changed since the page was drawn.
 */
function errorOf(body: ResponseBody, parameters: RequestParameters): ApiError | null {
  const errors = (body.errors ?? []).map((error) => new ApiError(error.message, error.extensions));
  if (body.error !== undefined) errors.push(new ApiError(body.error.message, { code: body.error.code }));
  if (body.data === null || body.data === undefined) return errors[0] ?? new ApiError("The server sent no data. Try again.");
  const isPartial = (error: ApiError) => parameters.operationKind === "query" && error.code === "FORBIDDEN";
  return errors.find((error) => !isPartial(error)) ?? null;
}
