"""Forms of a text for searching and sorting, computed by the app with ICU and stored beside the text.

PostgreSQL's `lower()` and ORDER BY depend on the locale of the database: in the C locale, É has no lowercase
letter and sorts after Z.
"""

from typing import Any

import icu  # type: ignore[import-untyped]

from engine.derived_columns import derived_column

_MOST_CHARACTERS = 1_000
"""More than any searched or sorted text has. Normalisation takes quadratic time for many combining marks."""
_MOST_KEY_BYTES = 200
"""Limit for indexes and cursors. Names with the same first 200 bytes of their keys sort by their ids."""
_FOLDING = icu.Normalizer2.getNFKCCasefoldInstance()
_ROOT_COLLATION = icu.Collator.createInstance(icu.Locale.getRoot())


def folded(text: str) -> str:
    """Unicode's NFKC_Casefold of a text: the same for all spellings that differ in case, width or
    composition."""
    return str(_FOLDING.normalize(text[:_MOST_CHARACTERS].replace("\x00", "")))


def sort_key(text: str) -> str:
    """Key of a text in ICU's root collation, one character per byte, to be compared by code points."""
    key: bytes = _ROOT_COLLATION.getSortKey(text[:_MOST_CHARACTERS])
    return key.removesuffix(b"\0")[:_MOST_KEY_BYTES].decode("latin-1")


def folded_column(*sources: str) -> Any:
    """Derived column with the folded forms of other columns, one per line."""
    return derived_column(lambda *texts: "\n".join(map(folded, texts)), *sources)


def sort_key_column(source: str) -> Any:
    return derived_column(sort_key, source)
