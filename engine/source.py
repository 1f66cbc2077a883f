"""The text of a document, with an index of its lines. A response may have thousands of errors, each with a
location."""

import re
from bisect import bisect_left
from functools import cached_property

from graphql import Source, SourceLocation

_NEW_LINE = re.compile(r"\r\n|[\n\r]")


class IndexedSource(Source):
    """A graphql-core Source that finds its line ends once."""

    @cached_property
    def _new_lines(self) -> tuple[list[int], list[int]]:
        """Start and end of each line break."""
        found = list(_NEW_LINE.finditer(self.body))
        return [each.start() for each in found], [each.end() for each in found]

    def get_location(self, position: int) -> SourceLocation:
        begins, ends = self._new_lines
        before = bisect_left(begins, position)
        line_start = ends[before - 1] if before else 0
        return SourceLocation(before + 1, position + 1 - line_start)
