"""Statements that a server sends for a request, from PostgreSQL's log."""

import re
import time
from dataclasses import dataclass

import httpx

from bench.data import READER_TOKEN, WRITERS, Writer
from bench.database import Database, StatementLog
from bench.load import CONNECTIONS, body_of
from bench.operations import Operation
from bench.servers import Contestant

_ENTRY = re.compile(
    r"^(?P<application>[^|\n]*)\|LOG:  (?:statement|execute [^:\n]+): (?P<text>.*(?:\n\t.*)*)\n"
    r"(?:[^|\n]*\|DETAIL:  Parameters: (?P<parameters>.*(?:\n\t.*)*)\n)?",
    re.MULTILINE,
)
_PARAMETER = re.compile(r"\$\d+ = (?:(NULL)|'((?:[^']|'')*)')")
CAPTURED = WRITERS[7]
CAPTURED_SITE = "captured{}.{}.example.com"
_WARM_UP, _TRIES, _PAUSE_SECONDS = 5 * CONNECTIONS, 4, 0.1


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    parameters: list[str | None]


def statements_of(contestant: Contestant, operation: Operation, database: Database) -> list[Statement]:
    """Statements until the response. What a server does later for many requests at once is not counted.

    The minimum of several attempts counts, because other statements may run at the same time.
    """
    with httpx.Client(timeout=30) as client:
        for number in range(_WARM_UP):
            # Each pooled connection prepares its statements once.
            each = WRITERS[number % len(WRITERS)]
            ask(client, contestant, operation, each, f"warm{number}.{operation.name}.example.com")
        with database.logging_statements() as log:
            tries = [_captured(client, contestant, operation, log, number) for number in range(_TRIES)]
    return min(tries, key=len)


def ask(
    client: httpx.Client, contestant: Contestant, operation: Operation, writer: Writer, site: str
) -> httpx.Response:
    token = writer.token if operation.is_change else READER_TOKEN
    body = body_of(operation, writer.account_id, site)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return client.post(contestant.url(operation), content=body, headers=headers)


def _captured(
    client: httpx.Client, contestant: Contestant, operation: Operation, log: StatementLog, number: int
) -> list[Statement]:
    time.sleep(_PAUSE_SECONDS)
    log.forget()
    ask(client, contestant, operation, CAPTURED, CAPTURED_SITE.format(number, operation.name))
    return [
        Statement(_text(entry), _parameters(entry["parameters"] or ""))
        for entry in _ENTRY.finditer(log.read())
        if "listener" not in entry["application"]
    ]


def _text(entry: re.Match[str]) -> str:
    return entry["text"].replace("\n\t", "\n").strip().rstrip(";")


def _parameters(text: str) -> list[str | None]:
    found = _PARAMETER.findall(text.replace("\n\t", "\n"))
    return [None if null else value.replace("''", "'") for null, value in found]
