import "./licenses.css";
import type { PageProps } from "../pages";
import { LicensePage } from "./LicensePage";
import { LicenseLists } from "./LicenseLists";

/** The account's licenses, or the one whose id follows in the URL. */
export default function LicensesPage(props: PageProps) {
  return props.entryId === undefined ? <LicenseLists {...props} /> : <LicensePage key={props.entryId} {...props} licenseId={props.entryId} />;
}
