import "./catalog.css";
import type { PageProps } from "../pages";
import { CatalogView } from "./CatalogView";
import { ThemePage } from "./ThemePage";

/** The themes on offer, or the one whose id follows in the URL. */
export default function CatalogPage(props: PageProps) {
  return props.entryId === undefined ? <CatalogView {...props} /> : <ThemePage key={props.entryId} {...props} themeId={props.entryId} />;
}
