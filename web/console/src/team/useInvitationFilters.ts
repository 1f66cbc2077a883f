import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { STATUS_CHOICES, type StatusFilter } from "./invitationStatuses";

export interface InvitationFilters {
  readonly status: StatusFilter;
  /** A whole address, or empty for any. */
  readonly email: string;
}

/** What the list shows. It is in the URL, so that a reload and a link keep it. */
export function useInvitationFilters(): [InvitationFilters, (changes: Partial<InvitationFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => filtersOf(parameters), [parameters]);
  const change = useCallback(
    (changes: Partial<InvitationFilters>) => {
      setParameters((current) => ({ view: "invitations", ...filtersOf(current), ...changes }), { replace: true });
    },
    [setParameters],
  );
  return [filters, change];
}

function filtersOf(parameters: URLSearchParams): InvitationFilters {
  return {
    status: STATUS_CHOICES.find(({ value }) => value === parameters.get("status"))?.value ?? "PENDING",
    email: parameters.get("email") ?? "",
  };
}
