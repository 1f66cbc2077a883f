"""What a text is found by and sorted by: computed here, by ICU's tables, and stored beside the text.

PostgreSQL's own `lower()` and ORDER BY depend on how its database was made: in one with the C locale É has no
small letter and comes after Z.
"""

from typing import Any

import icu  # type: ignore[import-untyped]

from engine.derived_columns import derived_column

_MOST_CHARACTERS = 1_000
"""More than any text that is found or sorted has: putting many marks in order takes quadratic time."""
_MOST_KEY_BYTES = 200
"""So that keys fit into an index and a cursor. Longer names that are alike up to there sort by their ids."""
_FOLDING = icu.Normalizer2.getNFKCCasefoldInstance()
_ROOT_COLLATION = icu.Collator.createInstance(icu.Locale.getRoot())


def folded(text: str) -> str:
    """Unicode's NFKC_Casefold: the same for all spellings that differ in case, width or composition."""
    return str(_FOLDING.normalize(text[:_MOST_CHARACTERS].replace("\x00", "")))


def sort_key(text: str) -> str:
    """Its key in ICU's root collation, a character for each byte: to be compared by code points."""
    key: bytes = _ROOT_COLLATION.getSortKey(text[:_MOST_CHARACTERS])
    return key.removesuffix(b"\0")[:_MOST_KEY_BYTES].decode("latin-1")


def folded_column(*sources: str) -> Any:
    """The folded form of other columns, a line for each."""
    return derived_column(lambda *texts: "\n".join(map(folded, texts)), *sources)


def sort_key_column(source: str) -> Any:
    return derived_column(sort_key, source)
