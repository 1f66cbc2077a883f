export interface IntegrityNumbers {
  readonly verified: boolean;
  readonly checkedEvents: number;
  readonly headSequence: number;
  readonly firstBrokenSequence: number | null | undefined;
}

interface IntegrityState {
  readonly kind: "good" | "warning" | "bad";
  readonly title: string;
  readonly text: string;
}

export function integrityState({ verified, checkedEvents, headSequence, firstBrokenSequence }: IntegrityNumbers): IntegrityState {
  const [checked, head] = [checkedEvents.toLocaleString(), headSequence.toLocaleString()];
  if (typeof firstBrokenSequence === "number") {
    return {
      kind: "bad",
      title: "Not intact",
      text: `Event ${firstBrokenSequence.toLocaleString()} was changed, removed, inserted or moved. The events before it are intact.`,
    };
  }
  if (verified) return { kind: "good", title: "Verified", text: `All events up to number ${head} are as they were recorded.` };
  return { kind: "warning", title: "Being checked", text: `${checked} of ${head} events are checked, and intact so far.` };
}
