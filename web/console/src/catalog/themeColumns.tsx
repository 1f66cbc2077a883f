import { Link } from "wouter";
import { accountUrl } from "../pages";
import { Badge } from "../ui/Badge";
import { Money } from "../ui/Money";
import type { Column } from "../ui/GridRow";
import { TagLinks } from "./TagLinks";
import type { ThemeRow } from "./ThemeTable";

interface Options {
  /** Of the account. */
  readonly slug: string;
  /** Whether the viewer provisions licenses. */
  readonly provisions: boolean;
}

export function themeColumns({ slug, provisions }: Options): readonly Column<ThemeRow>[] {
  const columns: Column<ThemeRow>[] = [
    {
      id: "theme",
      header: "Theme",
      isRowHeader: true,
      cell: ({ id, name, summary, tags }, tabIndex) => (
        <div className="theme-text">
          <Link href={accountUrl(slug, "catalog", id)} tabIndex={tabIndex}>
            <strong>{name}</strong>
          </Link>
          <span className="hint">{summary}</span>
          <TagLinks tags={tags} slug={slug} tabIndex={tabIndex} />
        </div>
      ),
    },
    { id: "version", header: "Version", cell: ({ latestVersion }) => latestVersion },
    { id: "price", header: "Price, without tax", cell: ({ price }) => <Money value={price} /> },
  ];
  if (!provisions) return columns;
  const state: Column<ThemeRow> = {
    id: "state",
    header: "For you",
    cell: ({ viewerCanProvision }) => viewerCanProvision === true && <Badge kind="good">License left</Badge>,
  };
  return [...columns, state];
}
