from datetime import datetime

import strawberry

import models
from permissions.roles import Permission
from resolvers.loading import load_referring
from schema.fields import Info, Node, computed, object_type
from schema.money import Money
from schema.scalars import BigInt


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

    @computed(list[ThemeFile], "What there is to download.")
    async def files(root: strawberry.Parent[models.ThemeRelease], info: Info) -> list[models.ThemeFile]:
        return await load_referring(info.context, models.ThemeFile, "release_id", root.id)


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

    @computed(Money, "What one license costs, without tax.")
    def price(root: strawberry.Parent[models.Theme]) -> Money:
        return Money(amount=root.price_amount, currency=root.price_currency)

    @computed(list[ThemeRelease], "All its releases, the newest first.")
    async def releases(root: strawberry.Parent[models.Theme], info: Info) -> list[models.ThemeRelease]:
        releases = await load_referring(info.context, models.ThemeRelease, "theme_id", root.id)
        return sorted(releases, key=lambda release: release.released_at, reverse=True)


@strawberry.input(description="Which themes.")
class ThemeFilter:
    search: str | None = strawberry.field(default=None, description="Part of the name or the summary.")
    tag: str | None = strawberry.field(default=None, description="With this tag.")
