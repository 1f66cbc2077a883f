"""Inputs of downloads: of mutations, and filters of lists."""

import strawberry


@strawberry.input(description="Input of `requestThemeDownload`: a license and a file of its theme.")
class RequestThemeDownloadInput:
    license_id: strawberry.ID = strawberry.field(description="Id of an active license of the theme.")
    file_id: strawberry.ID = strawberry.field(description="Id of a file of one of the theme's releases.")
