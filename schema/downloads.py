"""Download links."""

from datetime import datetime

import strawberry

from engine.scalars import BigInt
from permissions.allow import SIGNED_IN
from resolvers.downloads import links as downloads_links
from schema.fields import object_type


@object_type(
    allow=SIGNED_IN,
    of=downloads_links.Download,
    description="Link to a file, valid for a few minutes. It acts for the member to whom it was issued,"
    " whose permissions are checked again when the file is sent.",
)
class Download:
    url: str = strawberry.field(
        description="URL of the file, which works without any other credential. Treat it as a secret."
    )
    file_name: str = strawberry.field(description="Name under which the file is saved.")
    media_type: str = strawberry.field(description="Media type of the file, such as `application/zip`.")
    size: BigInt | None = strawberry.field(
        description="Size of the file in bytes. Null when the file is generated while it is sent."
    )
    expires_at: datetime = strawberry.field(
        description="Time until which the link can be opened. A download that has started by then continues."
    )
