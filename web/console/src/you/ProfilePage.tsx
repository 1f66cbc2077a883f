import { graphql } from "react-relay/hooks";
import type { ProfilePageMutation } from "../__generated__/ProfilePageMutation.graphql";
import type { ProfilePageQuery } from "../__generated__/ProfilePageQuery.graphql";
import type { PersonalPageProps } from "../pages";
import { useChange } from "../relay/useChange";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";
import { Detail, DetailList } from "../ui/DetailList";
import { SubmitForm } from "../ui/SubmitForm";
import { TextField } from "../ui/TextField";
import { Time } from "../ui/Time";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import { SignInNotice } from "./SignInNotice";
import { YouPage } from "./YouPage";

/** The person's name, which is the same in all accounts. */
export default function ProfilePage({ viewer: { user, memberships } }: PersonalPageProps) {
  const [{ name }, change] = useEdits(`profile:${user.id}`, { name: user.name });
  const { viewer } = useLoadedQuery<ProfilePageQuery>(
    graphql`
      query ProfilePageQuery {
        viewer {
          user {
            id
            createdAt
          }
        }
      }
    `,
    {},
  );
  const [update] = useChange<ProfilePageMutation>(graphql`
    mutation ProfilePageMutation($input: UpdateProfileInput!) {
      updateProfile(input: $input) {
        user {
          id
          name
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { updateProfile } = await update({ input: { name } });
    const problems = updateProfile?.userErrors ?? [];
    if (updateProfile?.user) {
      change({ name: updateProfile.user.name });
      showSuccess("Your name was changed.");
    }
    return problems;
  }

  return (
    <YouPage title="Profile" lead="How other members see you, in every account.">
      <SignInNotice memberships={memberships} purpose="change your name" />
      <section className="panel">
        <SubmitForm
          fieldNames={["name"]}
          onSubmit={submit}
          actions={(isPending) => (
            <div>
              <Button type="submit" kind="primary" isBusy={isPending}>
                Save
              </Button>
            </div>
          )}
        >
          <TextField
            name="name"
            label="Name"
            description="The audit log of each account records the change."
            autoComplete="name"
            isRequired
            maxLength={100}
            value={name}
            onChange={(text) => change({ name: text })}
          />
        </SubmitForm>
      </section>
      <DetailList>
        <Detail term="Email address">
          {user.email}
          <p className="hint">
            Sign-in links are sent to it. It cannot be changed: for another address, ask an Admin to invite that address.
          </p>
        </Detail>
        <Detail term="First signed in">{viewer !== null && viewer !== undefined && <Time value={viewer.user.createdAt} detail="day" />}</Detail>
      </DetailList>
    </YouPage>
  );
}
