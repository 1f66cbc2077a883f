import type { PersonalPage, PersonalPageProps } from "../pages";
import { PersonalNavigation } from "./PersonalNavigation";
import { Shell } from "./Shell";

interface Props extends PersonalPageProps {
  readonly page: PersonalPage;
}

/** A page about the person. */
export function PersonalShell({ page, viewer, onViewerChange }: Props) {
  return (
    <Shell
      viewer={viewer}
      hint="Your profile"
      navigation={<PersonalNavigation viewer={viewer} path={page.path} />}
      pageKey={page.path}
    >
      <page.component viewer={viewer} onViewerChange={onViewerChange} />
    </Shell>
  );
}
