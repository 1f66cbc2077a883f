"""Names and texts contain visible characters only, in every script."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.wording import plain
from models.visible_text import is_visible, leaves_ink
from resolvers.text import clean_line, clean_text
from resolvers.user_errors import UserErrors
from tests.support.changes import UPDATE_PROFILE, codes
from tests.support.world import World

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SHOWN = {
    "newer ideograph": "\U0002ebf0\U0002ebf1",
    "letter of Unicode 16": "\U00010d4a",
    "unassigned": "a\u0378",
    "flag of England": f"Ada {ENGLAND}",
    "flag of Germany": "\U0001f1e9\U0001f1ea",
    "Persian": "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    "Persian behind a letter that does not join": "\u0631\u0636\u0627\u200c\u0632\u0627\u062f\u0647",
    "Sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Malayalam chillu": "\u0d05\u0d35\u0d28\u0d4d\u200d",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "woman technologist": "\U0001f469\U0001f3fd\u200d\U0001f4bb",
    "rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "heart": "\u2764\ufe0f",
    "keycap": "1\ufe0f\u20e3",
    "ideographic variation": "\u845b\U000e0100",
    "Arabic number sign": "\u0600\u0661",
    "decomposed": "E\u0301mile",
    "non-characters of ASCII": "O'Neil-Smith, Jr. #1",
}
HIDDEN = {
    "nothing": "\u200d",
    "joiners": "\u200c\u200d",
    "joiner between Latin letters": "A\u200dda",
    "joiner between ideographs": "\u674e\u200d\u674e",
    "joiner at the end": "Ada\u200d",
    "joiner at the start": "\u200cAda",
    "two joiners": "\u0639\u200c\u200c\u0639",
    "tags without a flag": "Ada\U000e0067\U000e0062\U000e007f",
    "tags without an end": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067",
    "too many tags": "\U0001f3f4" + "\U000e0061" * 9 + "\U000e007f",
    "override": "a\u202eb",
    "isolate": "a\u2066b\u2069",
    "mark of direction": "a\u200fb",
    "zero-width space": "a\u200bb",
    "word joiner": "a\u2060b",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "grapheme joiner": "a\u034fb",
    "Hangul filler": "\u3164",
    "Hangul filler in a name": "A\u3164",
    "Khmer vowel": "a\u17b4",
    "Mongolian selector first": "\u180ba",
    "two selectors": "\u2764\ufe0f\ufe0f",
    "selector alone": "\ufe0f",
    "braille blank": "\u2800",
    "annotation": "a\ufff9b\ufffb",
    "private use": "a\ue000",
    "noncharacter": "a\ufdd0",
    "last noncharacter": "a\U0010ffff",
    "ignorable and unassigned": "a\U000e0080",
}
WITHOUT_INK_OR_CONTROL = {
    "control": "a\x07b",
    "delete": "a\x7fb",
    "C1": "a\x9bb",
    "mark alone": "\u0301",
}


@pytest.mark.parametrize("name", SHOWN.values(), ids=SHOWN)
async def test_what_is_shown_is_a_name(world: World, name: str) -> None:
    payload = await world.viewer.change(UPDATE_PROFILE, name=name)

    assert not codes(payload), payload
    assert payload["user"]["name"] == unicodedata.normalize("NFC", name)
    assert clean_text(name, "A message") == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", [*HIDDEN.values(), *WITHOUT_INK_OR_CONTROL.values()])
async def test_what_is_hidden_is_no_name(world: World, name: str) -> None:
    payload = await world.viewer.change(UPDATE_PROFILE, name=name)

    assert codes(payload) == ["INVALID"]


@pytest.mark.parametrize("text", [*SHOWN.values(), *HIDDEN.values()], ids=[*SHOWN, *HIDDEN])
def test_emails_show_what_is_shown_and_leave_out_what_is_hidden(text: str) -> None:
    line = plain(text)

    assert is_visible(line)
    assert line == text if text in SHOWN.values() else len(line) < len(text)


def test_every_letter_and_digit_is_shown() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character)[0] in "LN" and character not in "\u115f\u1160\u3164\uffa0":
            assert is_visible(character), hex(code)
            assert leaves_ink(character), hex(code)


@settings(max_examples=1_000)
@given(
    st.text(max_size=8)
    | st.text("a\u0639\u200c\u200d\ufe0f\u202e\U0001f469\U0001f3fd\U000e0067\u0dca", max_size=8)
)
@example("\U0001f3f4\U000e0067")
def test_no_hidden_character_stands_alone(text: str) -> None:
    try:
        line = clean_line(text, "A name")
    except UserErrors:
        return

    assert leaves_ink(line)
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Co", "Zl", "Zp") for each in line)
    assert not set(line) & set(
        "\u00ad\u034f\u061c\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u3164\ufeff"
    )
    assert line[0] not in "\u200c\u200d\ufe0f\U000e0067"
