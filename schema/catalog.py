from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

import models
from engine.list_sizes import usually
from engine.scalars import BigInt
from permissions.roles import Permission
from resolvers.catalog.queries import NEWEST_RELEASE, OLDEST_FILE
from resolvers.catalog.theme_document import MAX_FILES_OF_A_RELEASE, MAX_RELEASES
from resolvers.licenses.provisionable import viewer_can_provision
from schema.fields import Info, Node, computed, computed_from_columns, object_type, to_many
from schema.money import Money


@object_type(
    allow=Permission.BROWSE_CATALOG,
    of=models.ThemeFile,
    description="Downloadable file of a theme's release.",
)
class ThemeFile(Node):
    name: str = strawberry.field(description="Name of the file, with its extension.")
    size: BigInt = strawberry.field(description="Size of the file in bytes.")
    sha256: str = strawberry.field(description="SHA-256 checksum of the file, in hexadecimal.")
    media_type: str = strawberry.field(description="Media type of the file, such as `application/zip`.")


@object_type(
    allow=Permission.BROWSE_CATALOG, of=models.ThemeRelease, description="Published version of a theme."
)
class ThemeRelease(Node):
    version: str = strawberry.field(description="Version number by Semantic Versioning, such as `1.4.0`.")
    notes: str | None = strawberry.field(description="Release notes as plain text. Null when there are none.")
    released_at: datetime = strawberry.field(description="Time at which the version was released.")
    files: list[ThemeFile] = to_many(
        models.ThemeFile,
        "release_id",
        order=OLDEST_FILE,
        size=usually(10, most=MAX_FILES_OF_A_RELEASE),
        description="Files of the release. They can be downloaded with an active license of the theme.",
    )


def _price(price_amount: Decimal, price_currency: str) -> Money:
    return Money(amount=price_amount, currency=price_currency)


@object_type(
    allow=Permission.BROWSE_CATALOG,
    of=models.Theme,
    description="Website theme of the catalog, for which licenses are sold.",
)
class Theme(Node):
    slug: str = strawberry.field(
        description="Unique name of the theme for use in URLs, such as `aurora`. It does not change."
    )
    name: str = strawberry.field(description="Display name of the theme.")
    summary: str = strawberry.field(
        description="Description of the theme in one or two sentences, as plain text."
    )
    tags: list[str] = strawberry.field(
        description="Keywords that describe the theme. `ThemeFilter.tag` finds the themes with a keyword."
    )
    published_at: datetime = strawberry.field(description="Time at which the theme was added to the catalog.")
    latest_version: str = strawberry.field(description="Version number of the newest release.")

    @computed(
        bool,
        "Whether the viewer can provision the theme in the account now, and hold the license itself: by its"
        " role or API key, the purchased licenses, the limits of the account and the viewer's own limits."
        " False for an account that is not one of the viewer's.",
    )
    async def viewer_can_provision(
        root: strawberry.Parent[models.Theme],
        info: Info,
        account_id: Annotated[
            strawberry.ID, strawberry.argument(description="Id of the account to provision the theme in.")
        ],
    ) -> bool:
        return await viewer_can_provision(info.context, root, account_id)

    price: Money = computed_from_columns(_price, "Price of one license, without tax.")
    releases: list[ThemeRelease] = to_many(
        models.ThemeRelease,
        "theme_id",
        order=NEWEST_RELEASE,
        size=usually(10, most=MAX_RELEASES),
        description="All releases of the theme, newest first.",
    )
