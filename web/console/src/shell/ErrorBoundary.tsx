import { Component, type ReactNode } from "react";
import { onPossibleChange } from "../relay/changes";
import { isInterruption, messageOf } from "../relay/errors";
import { AttemptContext } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";

interface Props {
  /** 1 where the page's own heading is among what failed. */
  readonly headingLevel?: 1 | 2;
  /** After a failure, the part is tried again when this changes. */
  readonly resetKey?: string;
  readonly children: ReactNode;
}

interface State {
  readonly error: unknown;
  readonly hasFailed: boolean;
  readonly attempt: number;
}

let attempts = 0;

function nextAttempt(): number {
  attempts += 1;
  return attempts;
}

/**
 * Instead of a part of the page that failed: what went wrong, and a button that tries again. Once the connection is back,
 * the part is tried again by itself.
 */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, hasFailed: false, attempt: nextAttempt() };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error, hasFailed: true };
  }

  override componentDidUpdate({ resetKey }: Props) {
    if (this.state.hasFailed && resetKey !== this.props.resetKey) this.retry();
  }

  override componentDidMount() {
    this.forget = onPossibleChange(() => {
      if (this.state.hasFailed && isInterruption(this.state.error)) this.retry();
    });
  }

  override componentWillUnmount() {
    this.forget();
  }

  private forget: () => void = () => undefined;

  private retry = () => {
    this.setState({ error: null, hasFailed: false, attempt: nextAttempt() });
  };

  override render() {
    if (!this.state.hasFailed) {
      return <AttemptContext value={this.state.attempt}>{this.props.children}</AttemptContext>;
    }
    const isChunk = isChunkFailure(this.state.error);
    const Heading = this.props.headingLevel === 1 ? "h1" : "h2";
    return (
      <div className="failure" role="alert">
        <Heading>This could not be loaded</Heading>
        <p>{isChunk ? CHUNK_FAILURE : messageOf(this.state.error)}</p>
        <div className="failure-actions">
          {/* Browsers keep a failed import until the page is reloaded. */}
          <Button kind="primary" onPress={isChunk ? () => location.reload() : this.retry}>
            {isChunk ? "Reload the page" : "Try again"}
          </Button>
        </div>
      </div>
    );
  }
}

const CHUNK_FAILURE =
  "A part of the app did not arrive, or a new version was installed. Check your connection, then reload the page.";

/** Browsers report a failed import as a TypeError with texts of their own. */
function isChunkFailure(error: unknown): boolean {
  return error instanceof TypeError && /import|module|preload/i.test(error.message);
}
