from datetime import datetime
from typing import Annotated

import strawberry

import models
from engine.row_loader import load
from permissions import viewer as asking
from permissions.allow import SIGNED_IN
from resolvers.sessions.queries import live_sessions
from schema.api_keys import ApiKey
from schema.fields import Info, Node, computed, object_type
from schema.lazy_types import Member


@object_type(allow=SIGNED_IN, of=models.User, description="A person. Shown to that person alone.")
class User(Node):
    name: str = strawberry.field(description="As the person calls itself.")
    email: str = strawberry.field(description="Where sign-in links go.")
    created_at: datetime = strawberry.field(description="When the person first came.")


@object_type(
    allow=SIGNED_IN,
    of=models.Session,
    description="A person signed in on a device. Shown to that person alone.",
)
class Session(Node):
    created_at: datetime = strawberry.field(description="When it began.")
    last_used_at: datetime = strawberry.field(description="Precise to the minute.")
    expires_at: datetime = strawberry.field(description="When it ends, if it is not used again.")
    ip: str | None = strawberry.field(description="From where it began.")
    user_agent: str | None = strawberry.field(description="With which browser or client it began.")

    @computed(bool, "Whether this very request came with it.")
    def is_current(root: strawberry.Parent[models.Session], info: Info) -> bool:
        return root.id == info.context.signed_in().credential.id


Credential = Annotated[
    Session | ApiKey, strawberry.union("Credential", description="What the request proved itself with.")
]


@object_type(allow=SIGNED_IN, of=asking.Viewer, description="Who is asking.")
class Viewer:
    user: User = strawberry.field(description="The person.")

    @computed(Credential, "What the request came with.")
    async def credential(
        root: strawberry.Parent[asking.Viewer], info: Info
    ) -> models.Session | models.ApiKey:
        if not root.is_api_key:
            return root.session
        account_id = root.key_member.account_id
        return await load(info.context, models.ApiKey, root.api_key.id, account_id=account_id)

    @computed(
        list[Member],
        "The accounts that the person is a member of, as their members. Of an API key its own account alone.",
    )
    def memberships(root: strawberry.Parent[asking.Viewer]) -> list[models.Member]:
        return root.members

    @computed(list[Session], "Where the person is signed in, the newest first. Empty for API keys.")
    async def sessions(root: strawberry.Parent[asking.Viewer], info: Info) -> list[models.Session]:
        return await live_sessions(info.context)
