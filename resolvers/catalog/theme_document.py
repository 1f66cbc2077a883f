"""Format of `theme.json`: its keys, their limits, and error messages."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from engine.moments import parse_moment
from models.visible_text import is_letter_mark_or_digit
from resolvers.catalog.versions import version_order

MAX_RELEASES = 100
MAX_FILES_OF_A_RELEASE = 50
MAX_TAGS = 20
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _version(value: str) -> str:
    version_order(value)
    return value


def _slug(longest: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not SLUG.fullmatch(value) or len(value) > longest:
            raise ValueError(
                f"must be lower-case letters and digits, single hyphens between; at most {longest}"
            )
        return value

    return check


def _text(longest: int, line_breaks: bool = False) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value or value != value.strip() or len(value) > longest:
            raise ValueError(f"must be 1 to {longest} characters without spaces around them")
        line = value.replace("\n", "") if line_breaks else value
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in line):
            raise ValueError("must be text without control characters")
        return value

    return check


def _amount(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError('must be a string such as "49.00"')
    if value.startswith("-"):
        raise ValueError('must not be negative; 0 or more, such as "49.00"')
    if re.fullmatch(r"\d+\.\d{3,}", value, re.ASCII):
        raise ValueError('must have at most two decimals, such as "49.00"')
    if not re.fullmatch(r"\d{1,9}(\.\d{1,2})?", value, re.ASCII):
        raise ValueError('must be a decimal number below a billion, such as "49.00"')
    return Decimal(value).quantize(Decimal("0.01"))


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError("must be the three capital letters of a currency, such as EUR")
    return value


def _moment(value: object) -> datetime:
    try:
        moment = parse_moment(value, seconds_optional=True) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or not 1990 <= moment.year <= 2100:
        raise ValueError("must be a time with its offset, 1990 to 2100, such as 2026-03-05T09:00Z")
    return moment


def _file_name(value: str) -> str:
    if re.match(r"[/\\]|[a-zA-Z]:", value):
        raise ValueError("must not be an absolute path; the name of a file in the release's folder")
    if ".." in re.split(r"[/\\]", value):
        raise ValueError("must not lead out of the release's folder; the name of a file in it")
    if "/" in value or "\\" in value:
        raise ValueError("must be a file's name alone, without folders")
    odd = sorted({character for character in value if not _fit_for_a_name(character)})
    if odd:
        named = ", ".join(map(ascii, odd[:5]))
        raise ValueError(f"must not have {named} in it; letters, digits, spaces and . _ - + ( ) may")
    if not value or value[0] in ". " or value[-1] in ". " or len(value.encode()) > 200:
        raise ValueError("must be 1 to 200 bytes, neither starting nor ending with a dot or a space")
    return value


def _fit_for_a_name(character: str) -> bool:
    """Letters, marks and digits of any script, which have no special meaning in file systems, headers or
    terminals."""
    return character in " ._-+()" or is_letter_mark_or_digit(character)


_Item = TypeVar("_Item")


def _distinct(key: Callable[[_Item], str], what: str) -> Callable[[list[_Item]], list[_Item]]:
    def check(values: list[_Item]) -> list[_Item]:
        keys = [key(value) for value in values]
        repeated = sorted({one for one in keys if keys.count(one) > 1})
        if repeated:
            raise ValueError(f"must name each {what} once; {', '.join(repeated[:5])} is there again")
        return values

    return check


def _folded(name: str) -> str:
    """Equal for names that some file systems do not distinguish."""
    return unicodedata.normalize("NFC", name).casefold()


class _Document(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class PriceDocument(_Document):
    amount: Annotated[Decimal, BeforeValidator(_amount)]
    currency: Annotated[str, AfterValidator(_currency)]


class ReleaseDocument(_Document):
    version: Annotated[str, AfterValidator(_version)]
    released_at: Annotated[datetime, BeforeValidator(_moment)]
    notes: Annotated[str, AfterValidator(_text(5_000, line_breaks=True))] | None = None
    files: Annotated[
        list[Annotated[str, AfterValidator(_file_name)]],
        Field(min_length=1, max_length=MAX_FILES_OF_A_RELEASE),
        AfterValidator(_distinct(_folded, "file")),
    ]


class ThemeDocument(_Document):
    slug: Annotated[str, AfterValidator(_slug(60))]
    name: Annotated[str, AfterValidator(_text(100))]
    summary: Annotated[str, AfterValidator(_text(500))]
    price: PriceDocument
    tags: Annotated[
        list[Annotated[str, AfterValidator(_slug(40))]],
        Field(max_length=MAX_TAGS),
        AfterValidator(_distinct(str, "tag")),
    ]
    published_at: Annotated[datetime, BeforeValidator(_moment)]
    withdrawn_at: Annotated[datetime, BeforeValidator(_moment)] | None = None
    releases: Annotated[
        list[ReleaseDocument],
        Field(min_length=1, max_length=MAX_RELEASES),
        AfterValidator(_distinct(lambda release: release.version, "version")),
    ]


def explained(error: ValidationError) -> Iterable[str]:
    """One line per mistake: its position in the document, and what would be valid."""
    for detail in error.errors(include_url=False, include_input=False):
        place = _place(detail["loc"])
        yield f"{place} {_said(detail)}" if place else _said(detail)


def _place(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in location)
    return "".join(parts).removeprefix(".")


def _said(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is no key of this format; {_nearest_key(detail['loc'])}"
        case "value_error":
            return str(limits["error"])
        case "too_long":
            return f"has too many entries; at most {limits['max_length']}"
        case "too_short":
            return f"has too few entries; at least {limits['min_length']}"
        case "string_type":
            return "must be a string"
        case "list_type":
            return "must be a list"
        case _:
            return "must be an object with the keys of this format"


def _nearest_key(location: tuple[int | str, ...]) -> str:
    document: type[_Document] = ThemeDocument
    if len(location) > 1:
        document = PriceDocument if location[0] == "price" else ReleaseDocument
    keys = [field.alias or name for name, field in document.model_fields.items()]
    nearest = get_close_matches(str(location[-1])[:100], keys, 1)
    return f"did you mean {nearest[0]}?" if nearest else f"the keys are {', '.join(keys)}"


def shown(text: str) -> str:
    """`text` shortened to a line, without characters that terminals interpret."""
    text = text if len(text) <= 100 else f"{text[:99]}…"
    return text if text.isprintable() else ascii(text)[1:-1]
