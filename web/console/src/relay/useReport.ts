import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import type { RequestReportInput, useReportMutation } from "../__generated__/useReportMutation.graphql";
import { showSuccess } from "../ui/toasts";
import { useChange } from "./useChange";
import { useDownload } from "./useDownload";
import type { UserProblem } from "./userErrors";

/** Requests a report and saves it. The function resolves with the problems of the request. */
export function useReport(): (input: RequestReportInput) => Promise<readonly UserProblem[]> {
  const [request] = useChange<useReportMutation>(graphql`
    mutation useReportMutation($input: RequestReportInput!) {
      requestReport(input: $input) {
        download {
          url
          fileName
        }
        userErrors {
          message
          path
        }
      }
    }
  `);
  const [save] = useDownload();
  return useCallback(
    async (input) => {
      const { requestReport } = await request({ input });
      const problems = requestReport?.userErrors ?? [];
      if (requestReport?.download) {
        await save(() => Promise.resolve(requestReport));
        showSuccess(`Your browser is saving ${requestReport.download.fileName}.`);
      }
      return problems;
    },
    [request, save],
  );
}
