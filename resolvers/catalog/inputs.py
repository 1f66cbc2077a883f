"""Inputs of the catalog: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import text


@strawberry.input(description="Which themes.")
class ThemeFilter:
    search: str | None = text("Part of the name or the summary.", most=200, default=None)
    tag: str | None = text("With this tag.", most=100, default=None)
