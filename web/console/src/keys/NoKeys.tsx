import { EmptyState } from "../ui/EmptyState";

interface Props {
  readonly isFiltered: boolean;
  readonly mayGenerate: boolean;
}

export function NoKeys({ isFiltered, mayGenerate }: Props) {
  if (isFiltered) return <EmptyState title="No API key matches">Change the filters.</EmptyState>;
  return (
    <EmptyState title="No API keys yet">
      {mayGenerate
        ? "Generate one for a program of yours, or for a member who then claims it."
        : "An Admin generates keys. You claim yours by the link in an email, and find it here."}
    </EmptyState>
  );
}
