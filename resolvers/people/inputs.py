"""Inputs of mutations about the viewer's own personal data."""

import strawberry

from engine.input_limits import text


@strawberry.input(description="Input of `eraseViewer`: the viewer's email address, as a confirmation.")
class EraseViewerInput:
    email: str = text("The viewer's own email address, typed to confirm.", most=320)
