"""`python -m bench.exports`: speed of verifying an export of the audit log."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from audit_proof.chain import (
    FIELDS,
    FIRST,
    PERSONAL,
    PERSONAL_DETAILS,
    VERSION,
    commitment,
    field_salt,
    hash_of,
)
from audit_proof.export_end import End
from audit_proof.keys import written
from audit_proof.merkle import Tree
from engine.canonical_json import canonical_json

ACCOUNT_ID = "01a20ae5-6d20-7188-9022-335a71dc1186"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_COMMAND = Path(__file__).parent.parent / "cli.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit-log.ndjson"
        write_export(path, asked.events)
        public_key = written(KEY.public_key())
        command = [sys.executable, str(_COMMAND), "audit", "verify", str(path), "--public-key", public_key]
        seconds = []
        for _ in range(asked.rounds):
            began = time.perf_counter()
            subprocess.run(command, check=True)  # noqa: S603
            seconds.append(time.perf_counter() - began)
        size = path.stat().st_size
    rates = sorted(asked.events / each for each in seconds)
    Console(highlight=False, soft_wrap=True).print(
        f"{asked.events:,} events, {size / 1e6:.0f} MB, with the start of the command:"
        f" {rates[len(rates) // 2]:,.0f} events a second (median of {asked.rounds};"
        f" {rates[0]:,.0f} to {rates[-1]:,.0f})"
    )


def write_export(path: Path, events: int) -> None:
    with path.open("wb") as file:
        for line in export_lines(events, KEY):
            file.write(line + b"\n")


def export_lines(events: int, key: Ed25519PrivateKey | None = None) -> Iterator[bytes]:
    """Lines of an export of API calls, without line breaks. Some names are not ASCII. The last line is signed
    if there is a key."""
    previous, digest, tree = FIRST, sha256(), Tree()
    for sequence in range(1, events + 1):
        fields, details = _event(sequence)
        salt = sha256(str(sequence).encode()).digest()[:16]
        named = {"version": VERSION, "accountId": ACCOUNT_ID, "sequence": sequence, **fields}
        named |= {PERSONAL_DETAILS: None, "salt": salt.hex()}
        texts = (_text(salt, name, named[name]) for name in FIELDS[:-1])
        hash = hash_of(previous, chain(texts, [details]))
        line = (
            orjson.dumps(named)[:-1] + f',"details":{details},"previousHash":"{previous.hex()}"'.encode()
            + f',"hash":"{hash.hex()}"}}'.encode()
        )  # fmt: skip
        digest.update(line + b"\n")
        yield line
        tree.append([hash])
        previous = hash
    root = tree.root().hex()
    end = End(ACCOUNT_ID, events, 1, events, events, previous.hex(), False, (), root, digest.hexdigest())
    yield (end.signed(key) if key else end).line().removesuffix(b"\n")


def _text(salt: bytes, name: str, value: object) -> str | None:
    if value is None:
        return None
    return commitment(field_salt(salt, name), str(value)) if name in PERSONAL else str(value)


def _event(sequence: int) -> tuple[dict[str, str | None], str]:
    """All fields from the id to the request's id, and the details."""
    name = "Zoë Łukasz" if sequence % 10 == 0 else "Ada Lovelace"
    details: dict[str, Any] = {"operation": "account", "fields": ["id", "name"], "status": 200, "ms": 4.5}
    return {
        "id": f"01a20ae5-6d20-7188-9022-{sequence:012x}",
        "occurredAt": f"2026-11-24T{sequence // 3600 % 24:02}:{sequence // 60 % 60:02}"
        f":{sequence % 60:02}.000000Z",
        "action": "API_CALLED",
        "outcome": "ALLOWED",
        "summary": f"{name} called the API",
        "actorKind": "MEMBER",
        "actorMemberId": "01a20ae5-6d20-7188-9022-335a71dc1187",
        "actorName": name,
        "credentialKind": "API_KEY",
        "credentialId": "01a20ae5-6d20-7188-9022-335a71dc1188",
        "credentialLabel": "build server",
        "targetType": "ApiKey",
        "targetId": "01a20ae5-6d20-7188-9022-335a71dc1188",
        "targetName": "build server",
        "ip": f"203.0.113.{sequence % 250}",
        "userAgent": "python-httpx/0.28.1",
        "requestId": f"{sequence * 7919:032x}",
    }, canonical_json(details)


if __name__ == "__main__":
    main()
