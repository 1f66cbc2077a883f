import type { DetailsForm_details$data } from "../__generated__/DetailsForm_details.graphql";

/** The form's fields as they are typed. */
export interface DetailsTexts {
  readonly company: string;
  readonly email: string;
  /** One line each. */
  readonly addressLines: string;
  /** Code of two letters, or empty. */
  readonly country: string;
  readonly taxId: string;
}

export function detailsTexts(details: DetailsForm_details$data): DetailsTexts {
  return {
    company: details.company ?? "",
    email: details.email ?? "",
    addressLines: details.addressLines.join("\n"),
    country: details.country ?? "",
    taxId: details.taxId ?? "",
  };
}

/** Empty fields are removed. */
export function detailsInput(texts: DetailsTexts) {
  const lines = texts.addressLines.split("\n").map((line) => line.trim());
  return {
    company: texts.company.trim() || null,
    email: texts.email.trim() || null,
    addressLines: lines.filter((line) => line !== ""),
    country: texts.country || null,
    taxId: texts.taxId.trim() || null,
  };
}
