"""Merkle tree by RFC 6962 over the hashes of the events in an export."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

Subtree = tuple[int, bytes]
"""Complete subtree: its height and the hash of its root. One of height h has 2^h leaves."""


def leaf(hash: bytes) -> bytes:
    """Hash of the leaf of an event with this hash."""
    return sha256(b"\x00" + hash).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def subtrees(start: int, hashes: Iterable[bytes]) -> list[Subtree]:
    """Largest complete subtrees, from left to right, over the leaves of these events. `start` is the index of
    the first."""
    nodes = [sha256(b"\x00" + hash).digest() for hash in hashes]
    left: list[Subtree] = []
    right: list[Subtree] = []
    height = 0
    while nodes:
        if start & 1:
            left.append((height, nodes[0]))
            nodes = nodes[1:]
        if len(nodes) & 1:
            right.append((height, nodes.pop()))
        pairs = zip(nodes[::2], nodes[1::2], strict=True)
        nodes = [sha256(b"\x01" + one + other).digest() for one, other in pairs]
        start, height = (start + 1) >> 1, height + 1
    return left + right[::-1]


class Tree:
    """Tree to which leaves are appended. It keeps one hash per complete subtree: log2 of its size at most."""

    def __init__(self) -> None:
        self._subtrees: list[Subtree] = []
        self.size = 0

    def append(self, hashes: Sequence[bytes]) -> None:
        """Appends the leaves of these events."""
        self.extend(subtrees(self.size, hashes))

    def extend(self, following: Iterable[Subtree]) -> None:
        """Appends subtrees over the next leaves, as `subtrees` returns them for an index of `size`."""
        kept = self._subtrees
        for height, hash in following:
            self.size += 1 << height
            while kept and kept[-1][0] == height:
                hash = node(kept.pop()[1], hash)
                height += 1
            kept.append((height, hash))

    def root(self) -> bytes:
        if not self._subtrees:
            return sha256().digest()
        *others, (_, root) = self._subtrees
        for _, hash in reversed(others):
            root = node(hash, root)
        return root
