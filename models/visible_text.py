"""Tests whether characters are visible, by their category and properties in ICU's tables.

Characters that are unknown to the tables are accepted: a newer version of Unicode may define them as
letters.
"""

import re
import unicodedata

from icu import Char, Script, UCharCategory, UProperty  # type: ignore[import-untyped]

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_REFUSED = (UCharCategory.CONTROL_CHAR, UCharCategory.SURROGATE, UCharCategory.PRIVATE_USE_CHAR)
_LETTERS = range(UCharCategory.UPPERCASE_LETTER, UCharCategory.OTHER_LETTER + 1)
_MARKS = (UCharCategory.NON_SPACING_MARK, UCharCategory.ENCLOSING_MARK, UCharCategory.COMBINING_SPACING_MARK)
_NUMBERS = range(UCharCategory.DECIMAL_DIGIT_NUMBER, UCharCategory.OTHER_NUMBER + 1)
_NO_INK = (
    *_REFUSED,
    *_MARKS,
    UCharCategory.FORMAT_CHAR,
    UCharCategory.SPACE_SEPARATOR,
    UCharCategory.LINE_SEPARATOR,
    UCharCategory.PARAGRAPH_SEPARATOR,
)
_BRAILLE_BLANK = "\u2800"
_VIRAMA = 9
"""Canonical combining class of viramas."""
_NAMES_OF_SCRIPTS_WITH_JOINERS = (
    "Arab Syrc Mand Mong Nkoo Phag Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt"
    " Bali Java Newa Gran Tirh Sidd Modi Khoj Sind Cakm Mtei"
)
_SCRIPTS_WITH_JOINERS = frozenset(
    code for name in _NAMES_OF_SCRIPTS_WITH_JOINERS.split() for code in Script.getCode(name)
)
# Flags such as England's: a black flag, the tag letters of an ISO 3166-2 subdivision, and a cancel tag.
_TAGGED_FLAG = re.compile(
    "\U0001f3f4[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,4}\U000e007f"
)


def is_visible(line: str) -> bool:
    """Whether no character of the line is invisible or changes how the others are displayed. Refuses control
    characters, bidirectional controls and fillers; accepts joiners, selectors and tags only where they shape
    the character before them."""
    line = _TAGGED_FLAG.sub("\U0001f3f4", line)
    return all(_is_shown(line, place, character) for place, character in enumerate(line))


def visible_part(line: str) -> str:
    """Returns the line without the characters that `is_visible` refuses."""
    flags = _TAGGED_FLAG.findall(line)
    parts = _TAGGED_FLAG.split(line)
    shown = [
        "".join(each for place, each in enumerate(part) if _is_shown(part, place, each)) for part in parts
    ]
    return "".join(text for pair in zip(shown, [*flags, ""], strict=True) for text in pair)


def is_letter_mark_or_digit(character: str) -> bool:
    category = Char.charType(character)
    return category in _LETTERS or category in _MARKS or category in _NUMBERS


def leaves_ink(line: str) -> bool:
    """Whether the line has a character other than spaces and combining marks."""
    return any(Char.charType(character) not in _NO_INK for character in line)


def _is_shown(line: str, place: int, character: str) -> bool:
    if " " <= character <= "~":
        return True
    category = Char.charType(character)
    if category in _REFUSED or character == _BRAILLE_BLANK or _has(character, "NONCHARACTER_CODE_POINT"):
        return False
    if character in (_ZWNJ, _ZWJ):
        return _joins(line, place, character)
    if _has(character, "VARIATION_SELECTOR"):
        return (
            place > 0
            and not _has(line[place - 1], "VARIATION_SELECTOR")
            and line[place - 1] not in (" ", _ZWJ)
        )
    if category == UCharCategory.FORMAT_CHAR:
        return _has(character, "PREPENDED_CONCATENATION_MARK")
    return not _has(character, "DEFAULT_IGNORABLE_CODE_POINT")


def _joins(line: str, place: int, joiner: str) -> bool:
    """Whether a joiner shapes its neighbours: letters of scripts that use joiners, or the pictographs of one
    emoji."""
    before, after = line[max(place - 1, 0) : place], line[place + 1 : place + 2]
    if not before:
        return False
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if joiner == _ZWJ and after and _has(after, "EXTENDED_PICTOGRAPHIC"):
        base = line[:place].rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")[-1:]
        return bool(base) and _has(base, "EXTENDED_PICTOGRAPHIC")
    return bool(after) and _is_shaped(before) and _is_shaped(after)


def _is_shaped(character: str) -> bool:
    if Char.charType(character) in _MARKS:
        return True
    return (
        Char.charType(character) in _LETTERS
        and Script.getScript(character).getScriptCode() in _SCRIPTS_WITH_JOINERS
    )


def _has(character: str, name: str) -> bool:
    return bool(Char.hasBinaryProperty(character, getattr(UProperty, name)))
