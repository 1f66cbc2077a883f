import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import type { useReinstateLicenseMutation } from "../__generated__/useReinstateLicenseMutation.graphql";
import { useChange } from "../relay/useChange";
import { reported } from "../ui/reported";
import { licenseName, type LicenseSubject } from "./licenseActs";

/** Makes a suspended license active, shows it at once, and takes it back with the reason when a limit is reached. */
export function useReinstateLicense(): (license: LicenseSubject) => Promise<void> {
  const [reinstate] = useChange<useReinstateLicenseMutation>(graphql`
    mutation useReinstateLicenseMutation($input: ReinstateLicenseInput!) {
      reinstateLicense(input: $input) {
        license {
          id
          status
        }
        userErrors {
          message
        }
      }
    }
  `);
  return useCallback(
    (license) =>
      reported(`${licenseName(license)} is active again.`, async () => {
        const { id } = license;
        const { reinstateLicense } = await reinstate(
          { input: { licenseId: id } },
          { optimisticResponse: { reinstateLicense: { license: { id, status: "ACTIVE" }, userErrors: [] } } },
        );
        return reinstateLicense?.userErrors ?? [];
      }),
    [reinstate],
  );
}
