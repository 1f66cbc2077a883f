"""Links by which things are downloaded, past GraphQL."""

from datetime import datetime

import strawberry

from engine.scalars import BigInt
from permissions.allow import SIGNED_IN
from resolvers.downloads import links as downloads_links
from schema.fields import object_type


@object_type(
    allow=SIGNED_IN,
    of=downloads_links.Download,
    description="A link that works for the person it was made for, for a few minutes, and is checked again"
    " when the bytes go out.",
)
class Download:
    url: str = strawberry.field(description="Followed without any header: it is a secret.")
    file_name: str = strawberry.field(description="What the file will be called.")
    media_type: str = strawberry.field(description="What it is: `application/zip`.")
    size: BigInt | None = strawberry.field(description="In bytes; null where it is made while it goes out.")
    expires_at: datetime = strawberry.field(description="Until when a download may begin.")
