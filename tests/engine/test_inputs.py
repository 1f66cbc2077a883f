"""Unusual inputs of clients are normalised, or refused with a message."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func
from sqlmodel import col

from engine.errors import BadUserInput
from engine.pagination import Order, decode_cursor, encode_cursor
from models import License, Member
from resolvers.global_ids import decode, encode
from resolvers.licenses.keys import _ALPHABET, license_key_of, new_license_key
from resolvers.licenses.sites import clean_site
from resolvers.members.queries import _ORDERS, MemberOrder
from resolvers.text import clean_email, clean_line, clean_text, mask_email
from resolvers.user_errors import UserErrors

TEXT = st.text(max_size=300) | st.text(alphabet="ab.-@:/[]%\u200b\u202e\xad\x00é漢", max_size=60)


@settings(max_examples=300)
@given(TEXT)
def test_every_text_is_cleaned_or_refused(text: str) -> None:
    cleaners: list[Callable[[], str | None]] = [
        lambda: clean_line(text, "A name", "name"),
        lambda: clean_text(text, "A message", "message"),
        lambda: clean_email(text, "email"),
        lambda: clean_site(text),
    ]
    for clean in cleaners:
        with suppress(UserErrors):
            assert "\x00" not in (clean() or "")


@settings(max_examples=300)
@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadUserInput, match="`after` is not a cursor"):
        decode_cursor(_ORDERS[MemberOrder.JOINED], "after", cursor)


@pytest.mark.parametrize("values", [["x", "y"], [1, 2], [None, None], ["2026-01-01", "y"], [[], {}], ["a"]])
def test_a_cursor_with_other_values_is_refused(values: list[object]) -> None:
    order = _ORDERS[MemberOrder.JOINED]

    with pytest.raises(BadUserInput):
        decode_cursor(order, "after", encode_cursor(order.name, values))


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (col(Member.is_owner), "a key is of Decimal, UUID, datetime, int, str"),
        (col(Member.role), "a key is of"),
        (col(Member.last_active_at), "it may be null"),
        (func.coalesce(col(Member.last_active_at), col(Member.removed_at)), "it may be null"),
    ],
)
def test_an_order_whose_key_no_cursor_can_hold_is_refused_at_its_declaration(key: Any, problem: str) -> None:
    with pytest.raises(TypeError, match=f"cannot be a key of the order pinned: {problem}"):
        Order("pinned", (key, col(Member.id)))


@given(st.text(max_size=60))
def test_a_made_up_id_is_none(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize(
    "digits", ["g" * 32, f"+{'0' * 31}", f" {'0' * 31}", f"0x{'0' * 30}", "0" * 31, "0" * 33, "\u0660" * 32]
)
def test_other_characters_than_those_of_an_id_are_none(digits: str) -> None:
    """`int()` reads some of them, so that an id would have several spellings."""
    assert decode(f"member_{digits}") is None


@given(st.uuids())
def test_ids_are_found_again(id) -> None:  # type: ignore[no-untyped-def]
    assert decode(encode(Member, id)) == (Member, id)
    assert decode(encode(License, id)) == (License, id)


@pytest.mark.parametrize("other", ["", "TL-", "{}0", "{:.18}", "{:.18}U", "{:.18}\u0663"])
def test_other_texts_than_license_keys_are_none(other: str) -> None:
    assert not license_key_of(other.format(new_license_key()))


def test_a_license_key_shows_any_one_wrong_character() -> None:
    key = new_license_key()
    assert license_key_of(key) == key
    for position, character in enumerate(key):
        if character in "-TL" and position < 3:
            continue
        for other in _ALPHABET:
            if character != "-" and other != character:
                assert not license_key_of(key[:position] + other + key[position + 1 :])


@pytest.mark.parametrize(
    ("typed", "site"),
    [
        ("WWW.Example.COM", "www.example.com"),
        ("BÜCHER.example", "bücher.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("BU\u0308CHER\u3002example", "bücher.example"),
        ("example.com.", "example.com"),
        ("example.com:443", "example.com"),
        ("example.com.:80", "example.com"),
        ("My_Shop.example.com", "my_shop.example.com"),
    ],
)
def test_a_site_has_one_form(typed: str, site: str) -> None:
    assert clean_site(typed) == site


NO_HOST_NAMES = ["", " ", "a b.com", "http://x/y", "x/y", "..", "a..b", "localhost", "192.0.2.1", "[::1]"]
NO_HOST_NAMES += [
    "-a.com",
    "*.a.com",
    "user@example.com",
    "a._b",
    "example.com..",
    "example.com:8080",
    "1.0x7f",
]
TOO_LONG = ["a" * 64 + ".com", ".".join(["a" * 49] * 5) + ".abcd"]  # 64 in a label, 254 in all


@pytest.mark.parametrize("typed", [*NO_HOST_NAMES, *TOO_LONG])
def test_what_is_no_host_name_is_refused(typed: str) -> None:
    with pytest.raises(UserErrors, match=r"such as www\.example\.com"):
        clean_site(typed)


@pytest.mark.parametrize(
    ("email", "masked"), [("jo@example.com", "j•••@e•••.com"), ("a@b.co.uk", "a•••@b•••.uk")]
)
def test_a_masked_address_says_little(email: str, masked: str) -> None:
    assert mask_email(email) == masked
