import type { PersonalPageProps } from "../pages";
import { DataDownload } from "./DataDownload";
import { Erasure } from "./Erasure";
import { SignInNotice } from "./SignInNotice";
import { YouPage } from "./YouPage";

/** What is stored about the person: to download, and to erase. */
export default function DataPage({ viewer: { user, memberships } }: PersonalPageProps) {
  return (
    <YouPage title="Personal data" lead="What is stored about you, in all of your accounts.">
      <SignInNotice memberships={memberships} purpose="download your data" />
      <DataDownload />
      <Erasure email={user.email} memberships={memberships} />
    </YouPage>
  );
}
