import { SignInForm } from "../front/SignInForm";
import { usePageTitle } from "./usePageTitle";

interface Props {
  readonly accountName: string;
  readonly email: string;
}

/** For an account whose rules no longer accept the session. Other accounts of the person still do. */
export function Reauthentication({ accountName, email }: Props) {
  const heading = usePageTitle("Sign in again");
  return (
    <section className="narrow">
      <h1 ref={heading} tabIndex={-1}>
        Sign in again
      </h1>
      <p className="lead">{accountName} requires a new sign-in. Your other accounts stay open.</p>
      <SignInForm initialEmail={email} />
    </section>
  );
}
