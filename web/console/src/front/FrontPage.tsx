import { Link } from "wouter";
import type { Viewer } from "../relay/types";
import { SignOutButton } from "../shell/SignOutButton";
import { usePageTitle } from "../shell/usePageTitle";
import { Wordmark } from "../shell/Wordmark";
import { AccountList } from "./AccountList";
import { CreateAccountForm } from "./CreateAccountForm";

/** For a person with several accounts, of which to choose one, or with none. */
export default function FrontPage({ viewer }: { readonly viewer: Viewer }) {
  const hasAccounts = viewer.memberships.length > 0;
  const title = hasAccounts ? "Choose an account" : "Create your account";
  const heading = usePageTitle(title);
  return (
    <div className="front">
      <header className="front-header">
        <Wordmark />
        <div className="front-person">
          <Link href="/you">{viewer.user.name}</Link>
          <SignOutButton />
        </div>
      </header>
      <main className="card">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {hasAccounts ? (
          <>
            <AccountList memberships={viewer.memberships} />
            <h2>Create another account</h2>
          </>
        ) : (
          <p className="lead">You are not a member of any account yet. Create one, or open the link of an invitation.</p>
        )}
        <CreateAccountForm />
      </main>
    </div>
  );
}
