"""Links by which things are downloaded, past GraphQL."""

from datetime import datetime

import strawberry

from permissions.allow import ANYONE, SIGNED_IN
from resolvers.downloads import mutations as downloads
from schema.fields import object_type
from schema.scalars import BigInt
from schema.user_errors import Payload, result


@object_type(
    allow=SIGNED_IN,
    of=downloads.Download,
    description="A link that works for the person it was made for, for a few minutes, and is checked again"
    " when the bytes go out.",
)
class Download:
    url: str = strawberry.field(description="Followed without any header: it is a secret.")
    file_name: str = strawberry.field(description="What the file will be called.")
    media_type: str = strawberry.field(description="What it is: `application/zip`.")
    size: BigInt | None = strawberry.field(description="In bytes; null where it is made while it goes out.")
    expires_at: datetime = strawberry.field(description="Until when a download may begin.")


@strawberry.input(description="Which file, by which license.")
class RequestThemeDownloadInput:
    license_id: strawberry.ID = strawberry.field(description="An active one.")
    file_id: strawberry.ID = strawberry.field(description="Of a release of the license's theme.")


@object_type(allow=ANYONE, description="The link.")
class RequestThemeDownloadPayload(Payload):
    download: Download | None = result("Where the file is, for a few minutes.")


@strawberry.input(description="Which invoice.")
class RequestInvoiceDownloadInput:
    invoice_id: strawberry.ID = strawberry.field(description="Which.")


@object_type(allow=ANYONE, description="The link.")
class RequestInvoiceDownloadPayload(Payload):
    download: Download | None = result("Where the invoice's PDF is, for a few minutes.")
