import "./keys.css";
import type { PageProps } from "../pages";
import { KeyLists } from "./KeyLists";
import { KeyPage } from "./KeyPage";

/** The viewer's API keys and, for those who generate them, those of all members; or the one whose id is in the URL. */
export default function KeysPage(props: PageProps) {
  return props.entryId === undefined ? <KeyLists {...props} /> : <KeyPage {...props} keyId={props.entryId} />;
}
