"""Merkle tree by RFC 6962 over the hashes of the events in an export."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice

Subtree = tuple[int, bytes]
"""Complete subtree: its height and the hash of its root. One of height h has 2^h leaves."""

_BATCH = 4_096
"""Hashes that are in memory at a time."""


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


def path(index: int, size: int, hashes: Iterable[bytes]) -> list[bytes]:
    """RFC 6962's audit path of a leaf, from the leaf to the root. `hashes` are those of all events."""
    siblings: list[range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        in_left = index < middle
        siblings.append(range(middle, end) if in_left else range(start, middle))
        start, end = (start, middle) if in_left else (middle, end)
    roots = _roots([*siblings, range(index, index + 1)], hashes)
    return [roots[each] for each in reversed(siblings)]


def root_with(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Root of the tree that has the leaf at this index. None if the path has another length."""
    steps: list[bool] = []
    while size > 1:
        left = _split(size)
        steps.append(index < left)
        index, size = (index, left) if index < left else (index - left, size - left)
    if len(steps) != len(path):
        return None
    for is_left, other in zip(reversed(steps), path, strict=True):
        leaf = node(leaf, other) if is_left else node(other, leaf)
    return leaf


def extension(before: int, size: int, hashes: Iterable[bytes]) -> list[bytes]:
    """Path that proves that a tree extends the one of its first `before` leaves: RFC 6962's consistency
    proof, which always begins with the hash of a subtree of both."""
    others: list[range] = []
    start, end = 0, size
    while before < end:
        middle = start + _split(end - start)
        is_inside = before <= middle
        others.append(range(middle, end) if is_inside else range(start, middle))
        start, end = (start, middle) if is_inside else (middle, end)
    others.append(range(start, end))
    roots = _roots(others, hashes)
    return [roots[each] for each in reversed(others)]


def roots_with(before: int, size: int, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Roots of the tree of the first `before` leaves, and of all. None if the path has another length."""
    steps: list[bool] = []
    while before < size:
        left = _split(size)
        steps.append(before <= left)
        before, size = (before, left) if before <= left else (before - left, size - left)
    if len(steps) + 1 != len(path):
        return None
    old = new = path[0]
    for is_inside, other in zip(reversed(steps), path[1:], strict=True):
        old = old if is_inside else node(other, old)
        new = node(new, other) if is_inside else node(other, new)
    return old, new


def _split(size: int) -> int:
    """Largest power of two that is smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


def _roots(ranges: Iterable[range], hashes: Iterable[bytes]) -> dict[range, bytes]:
    """Roots over adjacent ranges of leaves, which begin with the first."""
    remaining = iter(hashes)
    roots: dict[range, bytes] = {}
    for each in sorted(ranges, key=lambda each: each.start):
        tree = Tree()
        while batch := list(islice(remaining, min(_BATCH, len(each) - tree.size))):
            tree.append(batch)
        roots[each] = tree.root()
    return roots
