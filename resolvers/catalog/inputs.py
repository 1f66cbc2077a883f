"""Inputs of the catalog: of mutations, and filters of lists."""

import strawberry

from engine.input_limits import text


@strawberry.input(description="Conditions for a list of themes. A theme must meet all of them.")
class ThemeFilter:
    search: str | None = text(
        "Only themes whose name or summary contains this text, ignoring case. If omitted, any theme.",
        most=200,
        default=None,
    )
    tag: str | None = text(
        "Only themes with this tag, spelled exactly as in `Theme.tags`. If omitted, themes with any tags.",
        most=100,
        default=None,
    )
