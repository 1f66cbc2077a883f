import { Link } from "wouter";
import { accountUrl } from "../pages";

interface Props {
  readonly tags: readonly string[];
  /** Of the account. */
  readonly slug: string;
  readonly tabIndex?: 0 | -1;
}

/** Each leads to the themes with that tag. */
export function TagLinks({ tags, slug, tabIndex }: Props) {
  if (tags.length === 0) return null;
  return (
    <ul className="tag-links" aria-label="Tags">
      {tags.map((tag) => (
        <li key={tag}>
          <Link href={`${accountUrl(slug, "catalog")}?tag=${encodeURIComponent(tag)}`} tabIndex={tabIndex}>
            {tag}
          </Link>
        </li>
      ))}
    </ul>
  );
}
