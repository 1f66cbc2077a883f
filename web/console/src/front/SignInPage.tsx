import { usePageTitle } from "../shell/usePageTitle";
import { Wordmark } from "../shell/Wordmark";
import { SignInForm } from "./SignInForm";

export function SignInPage() {
  const heading = usePageTitle("Sign in");
  return (
    <div className="front">
      <header>
        <Wordmark />
      </header>
      <main className="card">
        <h1 ref={heading} tabIndex={-1}>
          Sign in
        </h1>
        <p className="lead">Enter your email address. You get a link that signs you in: there is no password.</p>
        <SignInForm />
      </main>
    </div>
  );
}
