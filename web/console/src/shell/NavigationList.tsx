import { useLayoutEffect, useRef, type ComponentType } from "react";
import { Link } from "wouter";

export interface NavigationEntry {
  readonly url: string;
  readonly title: string;
  readonly icon: ComponentType;
  readonly isCurrent: boolean;
}

interface Props {
  readonly label: string;
  readonly entries: readonly NavigationEntry[];
}

/** Links to pages. Where they are wider than the screen, they are scrolled to the one that is open. */
export function NavigationList({ label, entries }: Props) {
  const navigation = useRef<HTMLElement>(null);
  const currentUrl = entries.find(({ isCurrent }) => isCurrent)?.url;
  useLayoutEffect(() => {
    const frame = navigation.current;
    const current = frame?.querySelector("[aria-current]")?.getBoundingClientRect();
    if (frame === null || current === undefined) return;
    const { left, width } = frame.getBoundingClientRect();
    frame.scrollLeft += current.left - left - (width - current.width) / 2;
  }, [currentUrl]);
  return (
    <nav ref={navigation} aria-label={label}>
      <ul className="navigation">
        {entries.map(({ url, title, icon: EntryIcon, isCurrent }) => (
          <li key={url}>
            <Link href={url} aria-current={isCurrent ? "page" : undefined}>
              <EntryIcon />
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
