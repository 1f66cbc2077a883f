"""How a check fails: with a sentence for each problem, without a traceback."""

from collections.abc import Iterable

import pytest


def require_none(problems: Iterable[str]) -> None:
    """Fails the test if there is a problem. Each is a sentence that says what to do."""
    __tracebackhide__ = True
    listed = list(problems)
    if listed:
        pytest.fail("\n".join(listed), pytrace=False)
