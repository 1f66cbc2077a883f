import { setSessionState, type SessionState } from "./session";

/** An entry of a response's `errors`. */
export interface ErrorWithExtensions {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Error of the API's response, by the code in its `extensions`. */
export class ApiError extends Error {
  readonly code: string;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "ApiError";
    this.code = typeof extensions["code"] === "string" ? extensions["code"] : "UNKNOWN";
    this.extensions = extensions;
  }
}

/** The server could not be reached, or what answered was not the API. */
export class ConnectionError extends Error {
  constructor() {
    super("The server could not be reached. Check your connection, then try again.");
    this.name = "ConnectionError";
  }
}

/** Whether the same request can succeed once the connection or the server is back. */
export function isInterruption(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.code === "UNAVAILABLE");
}

/** Asks the person to sign in again if the same request succeeds then. Returns whether it does. */
export function askToSignIn(error: ApiError): boolean {
  const state = SIGN_IN_STATES[error.code];
  if (state === undefined) return false;
  setSessionState(state);
  return true;
}

export function needsSignIn(error: unknown): boolean {
  return error instanceof ApiError && error.code in SIGN_IN_STATES;
}

const SIGN_IN_STATES: Readonly<Record<string, SessionState>> = {
  UNAUTHENTICATED: "ended",
  REAUTHENTICATION_REQUIRED: "reauthentication",
};

/** Sentence that tells a person what went wrong and what to do. */
export function messageOf(error: unknown): string {
  if (error instanceof ConnectionError) return error.message;
  if (!(error instanceof ApiError)) return "Something went wrong on this page. Try again.";
  switch (error.code) {
    case "UNAUTHENTICATED":
      return "Your session has ended. Sign in again, then repeat this. What you entered is kept.";
    case "REAUTHENTICATION_REQUIRED":
      return "This account requires a new sign-in. Sign in again, then repeat this. What you entered is kept.";
    case "FORBIDDEN":
      return "Your role does not allow this. An Admin of the account can change your role.";
    case "RATE_LIMITED":
      return `Too many requests. ${retryText(error.extensions["retryAt"])}`;
    default:
      return error.message;
  }
}

function retryText(retryAt: unknown): string {
  if (typeof retryAt !== "string") return "Try again in a minute.";
  return `Try again at ${new Date(retryAt).toLocaleTimeString()}.`;
}
