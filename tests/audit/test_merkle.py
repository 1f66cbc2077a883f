"""The Merkle tree is the one that RFC 6962 defines."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_proof.merkle import Tree, subtrees

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
}
"""Test vectors that the implementations of Certificate Transparency share."""


def root_of(hashes: list[bytes]) -> bytes:
    """As the RFC words it."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return sha256(b"\x00" + hashes[0]).digest()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_the_roots_are_the_published_ones(size: int) -> None:
    tree = Tree()
    tree.append(LEAVES[:size])

    assert tree.root().hex() == ROOTS[size] == root_of(LEAVES[:size]).hex()


@given(st.lists(st.integers(0, 40), max_size=12))
def test_leaves_are_appended_in_parts_of_any_size(parts: list[int]) -> None:
    hashes = [sha256(bytes([number // 256, number % 256])).digest() for number in range(sum(parts))]
    appended, extended = Tree(), Tree()

    for size in parts:
        part = hashes[appended.size : appended.size + size]
        extended.extend(subtrees(extended.size, part))
        appended.append(part)

    assert appended.root() == extended.root() == root_of(hashes)
    assert appended.size == extended.size == len(hashes)
