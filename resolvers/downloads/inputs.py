"""Inputs of downloads: of mutations, and filters of lists."""

import strawberry


@strawberry.input(description="Which file, by which license.")
class RequestThemeDownloadInput:
    license_id: strawberry.ID = strawberry.field(description="An active one.")
    file_id: strawberry.ID = strawberry.field(description="Of a release of the license's theme.")
