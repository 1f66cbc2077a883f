"""Scalars follow their descriptions, as variables and literals, by both executors."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from graphql import GraphQLError, parse_value
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.moments import EARLIEST, LATEST
from schema import SCHEMA
from tests.support.changes import REVOKE_LICENSE, SET_LIMITS, codes
from tests.support.world import World

EVENTS_FROM = """query ($from: DateTime) {
  account { auditLog(filter: { occurredFrom: $from }) { totalCount } } }"""
PROVISION = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
  license { id expiresAt } userErrors { code message path } } }"""
LICENSES = "{ account { licenses { nodes { id expiresAt status } } } }"
LATEST_AS_TEXT = "9000-12-31T23:59:59.999999Z"

ALMOST_TIMES = [
    "9001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9000-12-31T23:59:59.999999-00:01",
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+00:01",
    "0001-01-01T00:00:00+23:59",
    "2027-01-31é12:00:00Z",
    "2027-01-31 12:00:00Z",
    "2027-01-31T12:00:00",
    "2027-01-31T12:00Z",
    "2027-01-31T24:00:00Z",
    "2027-06-30T23:59:60Z",
    "2027-02-29T12:00:00Z",
    "2027-01-31T12:00:00+01",
    "2027-01-31T12:00:00+0100",
    "2027-01-31T12:00:00+24:00",
    "20270131T120000Z",
    "2027-W04-7T12:00:00Z",
    "2027-01-31T12:00:00,5Z",
    "2027-01-31T12:00:00.Z",
    "2027-01-31T12:00:00Z\n",
    " 2027-01-31T12:00:00Z",
    "\u0662\u0660\u0662\u0667-01-31T12:00:00Z",
    "infinity",
    "",
]
ALMOST_DECIMALS = [
    "_1_",
    "1_0",
    "+1",
    "1e3",
    "1E3",
    " 1",
    "1\n",
    "1.",
    ".5",
    "\u0661",
    "\uff11",
    "NaN",
    "Infinity",
    "0x1",
]
ALMOST_DECIMALS += ["", "-", "--1", "1,5", "1" * 21, "0." + "0" * 21]


@pytest.mark.parametrize("text", ALMOST_TIMES)
@pytest.mark.usefixtures("each_executor")
async def test_almost_a_time_is_refused(world: World, text: str) -> None:
    literal = EVENTS_FROM.replace("($from: DateTime)", "").replace("$from", _quoted(text))

    as_variable = await world.admin.post(EVENTS_FROM, **{"from": text})
    as_literal = await world.admin.post(literal)

    for answer in (as_variable, as_literal):
        (error,) = answer["errors"]
        assert "2026-01-31T12:00:00Z" in error["message"], error
        assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("value", ["5", "2026.5", "true", "[2026]"])
@pytest.mark.usefixtures("each_executor")
async def test_a_time_that_is_not_text_is_refused(world: World, value: str) -> None:
    literal = EVENTS_FROM.replace("($from: DateTime)", "").replace("$from", value)

    answers = [
        await world.admin.post(EVENTS_FROM, **{"from": json.loads(value)}),
        await world.admin.post(literal),
    ]

    for answer in answers:
        (error,) = answer["errors"]
        assert "2026-01-31T12:00:00Z" in error["message"], error


@pytest.mark.parametrize("text", ALMOST_DECIMALS)
@pytest.mark.usefixtures("each_executor")
async def test_almost_a_decimal_is_refused(world: World, text: str) -> None:
    input = {"accountId": world.account_id, "maxMonthlySpend": text}
    literal = (
        f'mutation {{ setAccountLimits(input: {{accountId: "{world.account_id}", maxMonthlySpend: %s}}) {{'
    )
    literal = literal % _quoted(text) + " userErrors { code } } }"

    answers = [await world.admin.post(SET_LIMITS, input=input), await world.admin.post(literal)]

    for answer in answers:
        (error,) = answer["errors"]
        assert '"12.50"' in error["message"], error


@pytest.mark.parametrize(
    ("typed", "shown"), [("5", "5.00"), ("-0", "0.00"), ("007.5", "7.50"), (12.5, "12.50"), (3, "3.00")]
)
@pytest.mark.usefixtures("each_executor")
async def test_decimals_are_taken(world: World, typed: object, shown: str) -> None:
    payload = await world.admin.change(SET_LIMITS, accountId=world.account_id, maxMonthlySpend=typed)

    assert payload["account"]["limits"]["maxMonthlySpend"]["amount"] == shown


@pytest.mark.usefixtures("each_executor")
async def test_a_license_ends_at_the_latest_moment_and_can_be_revoked(
    world: World, themes: dict[str, str]
) -> None:
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    refused = await world.admin.post(PROVISION, input=input | {"expiresAt": "9999-12-31T23:59:59.999999Z"})

    payload = await world.admin.change(PROVISION, **input, expiresAt=LATEST_AS_TEXT)
    revoked = await world.admin.change(REVOKE_LICENSE, licenseId=payload["license"]["id"], reason="Over.")

    assert refused["errors"]
    assert payload["license"]["expiresAt"] == LATEST_AS_TEXT
    assert not codes(revoked)
    nodes = (await world.admin.ask(LICENSES))["account"]["licenses"]["nodes"]
    assert [(node["status"], node["expiresAt"]) for node in nodes] == [("REVOKED", LATEST_AS_TEXT)]


@pytest.mark.parametrize("never", ["infinity", "-infinity"])
async def test_no_license_is_stored_with_an_infinite_time(
    world: World, themes: dict[str, str], superuser: asyncpg.Connection, never: str
) -> None:
    input = {"accountId": world.account_id, "themeId": themes["aurora"], "site": "a.example.com"}
    await world.admin.change(PROVISION, **input, expiresAt=LATEST_AS_TEXT)

    with pytest.raises(asyncpg.CheckViolationError, match="ck_licenses_expires_at_finite"):
        await superuser.execute(f"UPDATE licenses SET expires_at = '{never}'")

    assert await superuser.fetchval("SELECT expires_at FROM licenses") == LATEST


def test_big_ints_are_taken_where_ints_are() -> None:
    big_int, integer = (SCHEMA._schema.type_map[name] for name in ("BigInt", "Int"))
    values: list[Any] = [1, 1.0, -7.0, 0, True, 1.5, "1", float("nan"), float("inf"), None, [1], {}, "\u0661"]

    assert [_parsed(big_int, value) for value in values] == [_parsed(integer, value) for value in values]
    assert _parsed(big_int, 2**53) == _parsed(big_int, float(2**53)) == 2**53
    assert _parsed(big_int, 2**53 + 1) is _parsed(big_int, 1e300) is None
    for text, due in [("7", 7), ("1.0", None), ('"1"', None), ("9" * 5_000, None), ("true", None)]:
        assert _of_literal("BigInt", text) == due


TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
DIGITS = st.text("0123456789\u0663\uff15", max_size=6)
NEARLY_TIMES = st.builds(
    "{}{}{}{}{}{}".format,
    st.dates().map(str),
    st.sampled_from("TTTTt é"),
    st.sampled_from(["12:00:00", "23:59:59", "24:00:00", "12:00:60", "12:00", "1:00:00", "12:00:00 "]),
    st.sampled_from(["", ".5", ".123456789", ".0123456789", ",5", "."]),
    st.sampled_from(["Z", "+01:00", "-23:59", "+24:00", "", "z", "+0100", "-00:00"]),
    st.sampled_from(["", "", "", "\n", " "]),
)


@settings(max_examples=500)
@given(st.text(max_size=40) | NEARLY_TIMES)
@example("2027-01-31é12:00:00Z")
def test_a_time_is_what_the_grammar_says(text: str) -> None:
    due = _time_by_grammar(text)

    assert _parsed(SCHEMA._schema.type_map["DateTime"], text) == due
    assert _of_literal("DateTime", _quoted(text)) == due


@settings(max_examples=500)
@given(st.text(max_size=40) | st.from_regex(DECIMAL) | st.builds("{}.{}".format, DIGITS, DIGITS))
@example("_1_")
def test_a_decimal_is_what_the_grammar_says(text: str) -> None:
    number = _parsed(SCHEMA._schema.type_map["Decimal"], text)

    assert (number is not None) == bool(DECIMAL.fullmatch(text))
    assert _of_literal("Decimal", _quoted(text)) == number


@pytest.mark.parametrize("times", [20, 5_000])
async def test_a_number_of_many_digits_is_refused_with_words(world: World, times: int) -> None:
    digits = "9" * times

    for query in (
        f"{{ account {{ members(first: {digits}) {{ totalCount }} }} }}",
        f'mutation {{ setAccountLimits(input: {{accountId: "x", maxMonthlySpend: {digits}}})'
        " { userErrors { code } } }",
        f'subscription {{ auditLogAppended(accountId: "x", afterSequence: {digits}) {{ id }} }}',
    ):
        answer = await world.admin.post(query)
        assert all(error["extensions"]["code"] != "INTERNAL_ERROR" for error in answer.get("errors", ())), (
            answer
        )


def _time_by_grammar(text: str) -> datetime | None:
    match = TIME.fullmatch(text)
    if not match:
        return None
    *parts, fraction, sign, hours, minutes = match.groups()
    try:
        at = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type, misc]
        ahead = (int(hours) * 60 + int(minutes)) * (60 if sign == "+" else -60) if sign else 0
        if sign and (int(hours) > 23 or int(minutes) > 59):
            return None
        microseconds = int((fraction or "")[:6].ljust(6, "0"))
        at = datetime.fromtimestamp(at.timestamp() - ahead, UTC).replace(microsecond=microseconds)
    except (ValueError, OverflowError, OSError):
        return None
    return at if EARLIEST <= at <= LATEST else None


def _parsed(scalar: Any, value: object) -> Any:
    try:
        return scalar.parse_value(value)
    except GraphQLError:
        return None


def _of_literal(name: str, text: str) -> Any:
    try:
        scalar: Any = SCHEMA._schema.type_map[name]
        return scalar.parse_literal(parse_value(text))
    except GraphQLError:
        return None


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\u{{{ord(character):x}}}" for character in text) + '"'
