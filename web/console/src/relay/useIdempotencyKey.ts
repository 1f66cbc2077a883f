import { useCallback, useRef } from "react";
import { newIdempotencyKey } from "./idempotencyKey";

/** Returns the same key for the same input, so that a repeated attempt changes nothing more, and a new one for another. */
export function useIdempotencyKey(): (input: object) => string {
  const attempt = useRef({ content: "", key: "" });
  return useCallback((input) => {
    const content = JSON.stringify(input);
    if (attempt.current.content !== content) attempt.current = { content, key: newIdempotencyKey() };
    return attempt.current.key;
  }, []);
}
