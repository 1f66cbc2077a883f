from datetime import datetime
from typing import Annotated

import strawberry

import models
from engine.list_sizes import at_most, usually
from engine.row_loader import load
from permissions import viewer as asking
from permissions.allow import SIGNED_IN
from resolvers.sessions.queries import MOST_SESSIONS, live_sessions
from schema.api_keys import ApiKey
from schema.fields import Info, Node, computed, object_type
from schema.lazy_types import Member


@object_type(
    allow=SIGNED_IN,
    of=models.User,
    description="Person who can sign in and be a member of several accounts. Visible to that person only.",
)
class User(Node):
    name: str = strawberry.field(description="Display name that the person has chosen.")
    email: str = strawberry.field(description="Email address to which sign-in links are sent.")
    created_at: datetime = strawberry.field(
        description="Time at which the person first signed in or joined an account."
    )


@object_type(
    allow=SIGNED_IN,
    of=models.Session,
    description="Sign-in of a person in one browser or client. Visible to that person only.",
)
class Session(Node):
    created_at: datetime = strawberry.field(description="Time at which the person signed in.")
    last_used_at: datetime = strawberry.field(
        description="Time of the last request with this session, accurate to the minute."
    )
    expires_at: datetime = strawberry.field(
        description="Time at which the session ends unless it is used before then. Each use extends it, up"
        " to `endsAt`."
    )
    ends_at: datetime = strawberry.field(
        description="Time at which the session ends however much it is used: 90 days after the sign-in, by"
        " default."
    )
    ip: str | None = strawberry.field(
        description="IP address from which the person signed in. Null when it is not known."
    )
    user_agent: str | None = strawberry.field(
        description="User-Agent header of the client that signed in. Null when there was none."
    )

    @computed(bool, "Whether this request was made with this session.")
    def is_current(root: strawberry.Parent[models.Session], info: Info) -> bool:
        return root.id == info.context.signed_in().credential.id


Credential = Annotated[
    Session | ApiKey,
    strawberry.union(
        "Credential", description="Credential of a request: the session of a person, or an API key."
    ),
]


@object_type(allow=SIGNED_IN, of=asking.Viewer, description="Authenticated caller of the request.")
class Viewer:
    user: User = strawberry.field(description="Person who is signed in, or to whom the API key belongs.")

    @computed(Credential, "Session or API key with which the request was made.")
    async def credential(
        root: strawberry.Parent[asking.Viewer], info: Info
    ) -> models.Session | models.ApiKey:
        if not root.is_api_key:
            return root.session
        account_id = root.key_member.account_id
        return await load(info.context, models.ApiKey, root.api_key.id, account_id=account_id)

    @computed(
        list[Member],
        "Current memberships of the person, one for each account. With an API key, only the membership in"
        " the key's account.",
        # Joining takes an invitation from each account.
        size=usually(100, most=None),
    )
    def memberships(root: strawberry.Parent[asking.Viewer]) -> list[models.Member]:
        return root.members

    @computed(
        list[Session],
        f"Active sessions of the person, newest first, at most {MOST_SESSIONS}. Empty with an API key.",
        size=at_most(MOST_SESSIONS),
    )
    async def sessions(root: strawberry.Parent[asking.Viewer], info: Info) -> list[models.Session]:
        return await live_sessions(info.context)
