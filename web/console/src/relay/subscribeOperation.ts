import { createClient, type Client } from "graphql-ws";
import { Observable, type GraphQLResponse, type SubscribeFunction } from "relay-runtime";
import { documentOf } from "./documents";
import { ApiError, ConnectionError, askToSignIn, type ErrorWithExtensions } from "./errors";

const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;

let client: Client | undefined;
let isOpening = false;
let closesWhenOpen = false;
const reconnectionListeners = new Set<() => void>();

/**
 * Runs a subscription over the WebSocket that all of them share, and again after each interruption. One with the variable
 * `afterSequence` then continues after the last event that has arrived.
 */
export const subscribeOperation: SubscribeFunction = (parameters, variables) =>
  Observable.create<GraphQLResponse>((sink) => {
    const payload = { ...documentOf(parameters), variables: { ...variables }, query: "" };
    return webSocketClient().subscribe<Record<string, unknown>>(payload, {
      next: (result) => {
        if (result.errors !== undefined) {
          sink.error(failureOf(result.errors));
          return;
        }
        // graphql-ws sends this same object again.
        if ("afterSequence" in payload.variables) payload.variables["afterSequence"] = sequenceOf(result.data ?? {});
        sink.next({ data: result.data ?? {} } as GraphQLResponse);
      },
      error: (reason) => sink.error(failureOf(reason)),
      complete: () => sink.complete(),
    });
  });

function sequenceOf(data: Record<string, unknown>): unknown {
  const [event] = Object.values(data) as readonly { readonly sequence?: unknown }[];
  return event?.sequence;
}

/** `reason` is a list of the API's errors, or what closed the WebSocket. */
function failureOf(reason: unknown): Error {
  const [first] = Array.isArray(reason) ? (reason as readonly ErrorWithExtensions[]) : [];
  if (first === undefined) return new ConnectionError();
  const error = new ApiError(first.message, first.extensions);
  askToSignIn(error);
  return error;
}

/**
 * Closes the WebSocket, whose credential is that of the cookie when it was opened. One that is being opened is closed after that:
 * browsers report one that is closed before as a failure.
 */
export function closeWebSocket(): void {
  if (isOpening) closesWhenOpen = true;
  else client?.terminate();
}

/** Calls back when the WebSocket is open again after an interruption. */
export function onReconnection(listener: () => void): () => void {
  reconnectionListeners.add(listener);
  return () => reconnectionListeners.delete(listener);
}

function webSocketClient(): Client {
  client ??= createClient({
    url: `${location.origin.replace(/^http/, "ws")}/graphql`,
    retryAttempts: Infinity,
    on: {
      connecting: () => {
        isOpening = true;
      },
      closed: () => {
        isOpening = closesWhenOpen = false;
      },
      connected: (_socket, _payload, wasRetry) => {
        isOpening = false;
        if (closesWhenOpen) client?.terminate();
        else if (wasRetry) for (const listener of reconnectionListeners) listener();
      },
    },
    // An error of a message that could not be sent would be repeated at once, for ever.
    shouldRetry: (reason) => !(reason instanceof Error),
    // graphql-ws requires a query, which a documentId takes the place of.
    jsonMessageReplacer: (key, value: unknown) => (key === "query" ? undefined : value),
    retryWait: async (retries) => {
      const milliseconds = Math.min(FIRST_RETRY_MILLISECONDS * 2 ** retries, LAST_RETRY_MILLISECONDS);
      await new Promise((resolve) => setTimeout(resolve, milliseconds * (0.5 + Math.random() / 2)));
    },
  });
  return client;
}
