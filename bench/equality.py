"""Check that all servers return the same data with the same order of keys. Others are not measured."""

import difflib
import itertools
import json
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import httpx
import jwt

from audit_proof.keys import private_key_from
from bench.data import LICENSE_SIGNING_KEY, WRITERS
from bench.operations import Operation
from bench.servers import BenchError, Contestant
from bench.statements import ask


def check_equal(operation: Operation, contestants: Sequence[Contestant]) -> dict[str, int]:
    """Returns the length of each body. Raises BenchError that shows the difference."""
    bodies = {each.name: _answer(operation, each) for each in contestants}
    texts = {name: json.dumps(_compared(operation, body), indent=1) for name, body in bodies.items()}
    for (one, text), (other, other_text) in itertools.pairwise(texts.items()):
        if text != other_text:
            lines = difflib.unified_diff(text.splitlines(), other_text.splitlines(), one, other, lineterm="")
            difference = "\n".join(itertools.islice(lines, 60))
            raise BenchError(f"{one} and {other} answer {operation.name} differently:\n{difference}")
    return {name: len(body) for name, body in bodies.items()}


def _compared(operation: Operation, body: bytes) -> Any:
    """The data of an answer. Of a license check all but its times, with what the token signs."""
    answer = json.loads(body)
    if not operation.path:
        return answer["data"]
    key = private_key_from(LICENSE_SIGNING_KEY).public_key()
    claims = jwt.decode(answer.pop("token"), key, ["EdDSA"])
    for members in (answer, claims):
        for name in ("checkedAt", "iss", "iat", "exp"):
            members.pop(name, None)
    return [answer, claims]


def settle(contestant: Contestant, operation: Operation) -> None:
    """Waits until the server answers a single request, and has finished the work left by the previous load.
    Raises `BenchError`."""
    _answer(operation, contestant)


def _answer(operation: Operation, contestant: Contestant) -> bytes:
    site = f"{token_hex(8)}.example.com"
    with httpx.Client(timeout=30) as client:
        response = ask(client, contestant, operation, WRITERS[0], site)
    wanted = "token" if operation.path else "data"
    if response.status_code != 200 or response.json().get("errors") or not response.json().get(wanted):
        said = response.text[:1_000]
        raise BenchError(f"{contestant.name} answers {operation.name} with {response.status_code}: {said}")
    return response.content
