"""The last line of an export does not depend on the pieces in which the other lines are sent."""

from hashlib import sha256
from itertools import pairwise

import orjson
from hypothesis import given
from hypothesis import strategies as st

from audit_proof.merkle import Tree
from resolvers.audit.exports import _LineCounter

HASHES = [sha256(bytes([number])).digest() for number in range(1, 6)]
LINES = [
    orjson.dumps({"sequence": number, "summary": "x" * (number * 7), "hash": hash.hex()}) + b"\n"
    for number, hash in enumerate(HASHES, 1)
]
LOG = b"".join(LINES)


@given(st.sets(st.integers(1, len(LOG) - 1)))
def test_lines_are_counted_in_pieces_of_any_size(cuts: set[int]) -> None:
    told, places = _LineCounter(), [0, *sorted(cuts), len(LOG)]

    for start, end in pairwise(places):
        told.add(LOG[start:end])

    assert (told.lines, told.sequences()) == (len(LINES), (1, len(LINES)))
    tree = Tree()
    tree.append(HASHES)
    assert told.tree.root() == tree.root()
    assert told.sha256.hexdigest() == sha256(LOG).hexdigest()


def test_no_lines_have_no_sequences() -> None:
    assert _LineCounter().sequences() == (None, None)
