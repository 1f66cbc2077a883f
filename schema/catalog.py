from datetime import datetime
from decimal import Decimal

import strawberry

import models
from engine.scalars import BigInt
from permissions.roles import Permission
from resolvers.catalog.queries import NEWEST_RELEASE, OLDEST_FILE
from schema.fields import Node, derived, object_type, to_many
from schema.money import Money


@object_type(allow=Permission.BROWSE_CATALOG, of=models.ThemeFile, description="A file of a release.")
class ThemeFile(Node):
    name: str = strawberry.field(description="Its file name.")
    size: BigInt = strawberry.field(description="In bytes.")
    sha256: str = strawberry.field(description="Of its bytes, in hex.")
    media_type: str = strawberry.field(description="What it is: `application/zip`.")


@object_type(allow=Permission.BROWSE_CATALOG, of=models.ThemeRelease, description="A version of a theme.")
class ThemeRelease(Node):
    version: str = strawberry.field(description="By semantic versioning.")
    notes: str | None = strawberry.field(description="What is new in it.")
    released_at: datetime = strawberry.field(description="When it came out.")
    files: list[ThemeFile] = to_many(
        models.ThemeFile, "release_id", order=OLDEST_FILE, description="What there is to download."
    )


def _price(price_amount: Decimal, price_currency: str) -> Money:
    return Money(amount=price_amount, currency=price_currency)


@object_type(
    allow=Permission.BROWSE_CATALOG, of=models.Theme, description="A website theme that is licensed."
)
class Theme(Node):
    slug: str = strawberry.field(description="Its short name, which stays.")
    name: str = strawberry.field(description="Its name.")
    summary: str = strawberry.field(description="What it is, in a sentence or two.")
    tags: list[str] = strawberry.field(description="What it is good for.")
    published_at: datetime = strawberry.field(description="Since when it is on offer.")
    latest_version: str = strawberry.field(description="The newest release's.")
    price: Money = derived(_price, "What one license costs, without tax.")
    releases: list[ThemeRelease] = to_many(
        models.ThemeRelease,
        "theme_id",
        order=NEWEST_RELEASE,
        description="All its releases, the newest first.",
    )
