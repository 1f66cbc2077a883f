"""A change without its server: pgbench sends the statements that were captured from the server.

Values of the captured account are replaced by those of a random account, and PostgreSQL generates the values
that are new in each change. Because the statements are captured in each run, the comparison follows the code.
"""

import asyncio
import os
import re
import statistics
import subprocess
from hashlib import sha256
from pathlib import Path

from bench.database import Database
from bench.load import CONNECTIONS, Measured
from bench.operations import Operation
from bench.servers import BenchError
from bench.statements import CAPTURED, CAPTURED_SITE, Statement
from embedded.folder import binaries
from models.database import WRITING_SETTINGS

_THREADS = 2
_SETTINGS = {**WRITING_SETTINGS, "application_name": "bench-pgbench"}
_OPTIONS = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
_HASH = "\\x" + sha256(CAPTURED.token.encode()).hexdigest()
# Patterns of parameters and the SQL that replaces them. pgbench sets `:writer` and `:number`.
_PLACES = {
    re.escape(_HASH): "sha256(convert_to('bench-' || lpad(CAST(:writer AS text), 37, '0'), 'UTF8'))",
    rf"01900000-[0-9a-f]{{4}}-7000-8000-{CAPTURED.number:012x}": (
        "'{kind}' || lpad(to_hex(CAST(:writer AS int)), 12, '0')"
    ),
    CAPTURED_SITE.format(r"\d", "[a-z-]+").replace(
        ".", r"\."
    ): "'p' || CAST(:number AS text) || '.example.com'",
    r"(?!01900000)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}": (
        # A UUIDv7 that is the same in all statements of a transaction.
        "lpad(to_hex(CAST(extract(epoch FROM now()) * 1000 AS bigint)), 12, '0') || '7{digits}' ||"
        " lpad(to_hex(CAST(:number AS bigint)), 12, '0')"
    ),
    r"\b[0-9a-f]{32}\b": "replace(CAST(uuidv7() AS text), '-', '')",
    r"TL(?:-\w{4}){4}": "'TL-' || CAST(uuidv7() AS text)",
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$": "CAST(clock_timestamp() AS text)",
}
_COMMENT, _QUOTED = re.compile(r"^\s*--.*", re.MULTILINE), re.compile(r"'([^']*)'")
_NUMBERS = f"random(0, {2**48 - 1})"
# An invoice's number is read by one statement and sent by another.
_READS_SEQUENCE = re.compile(r"(max\(invoices\.sequence\).*?\+ 1 AS )\w+", re.DOTALL)
_SENDS_SEQUENCE = re.compile(r"INSERT INTO invoices \(((?:\w+, )*)sequence\b")
# A change begins with the account whose rows it may write.
_BEGINS = re.compile(r"BEGIN; SET LOCAL (\S+) = '([^']*)'")
_ANY = re.compile("|".join(f"({pattern})" for pattern in _PLACES))


def write_script(operation: Operation, statements: list[Statement], database: Database) -> int:
    """Writes the statements up to the COMMIT. Returns their number."""
    texts = [statement.text for statement in statements]
    if "COMMIT" not in texts:
        raise BenchError(f"The change commits nothing: {texts}")
    statements = statements[: texts.index("COMMIT") + 1]
    types = asyncio.run(
        database.types_of([each.text if each.parameters else "SELECT" for each in statements])
    )
    lines = [f"\\set writer random(0, {operation.accounts - 1})", f"\\set number {_NUMBERS}"]
    lines += [_filled_in(each, kinds) for each, kinds in zip(statements, types, strict=True)]
    _script(operation, database).write_text("\n".join(lines) + "\n")
    return len(statements)


def run(operation: Operation, database: Database, seconds: int) -> Measured:
    script = _script(operation, database)
    for log in script.parent.glob("transactions.*"):
        log.unlink()
    command = [str(binaries() / "pgbench"), "--no-vacuum", "--protocol", "prepared", "--file", str(script)]
    command += ["--client", str(CONNECTIONS), "--jobs", str(_THREADS), "--time", str(seconds)]
    command += ["--log", "--log-prefix", str(script.parent / "transactions")]
    command += ["--host", database.host, "--username", database.role, database.name]
    before = asyncio.run(database.count_events(operation.action))
    environment = {**os.environ, "PGOPTIONS": _OPTIONS}
    timeout = seconds + 60
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)  # noqa: S603
    made = asyncio.run(database.count_events(operation.action)) - before
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or rate is None:
        raise BenchError(f"pgbench fails: {done.stderr.strip()[-2_000:]}")
    logs = [log.read_text().splitlines() for log in script.parent.glob("transactions.*")]
    milliseconds = [int(line.split()[2]) / 1000 for lines in logs for line in lines]
    percentiles = statistics.quantiles(milliseconds, n=100)
    return Measured(float(rate[1]), percentiles[49], percentiles[98], failed=max(0, len(milliseconds) - made))


def _script(operation: Operation, database: Database) -> Path:
    return database.folder / f"{operation.name}.sql"


def _filled_in(statement: Statement, types: list[str]) -> str:
    if begins := _BEGINS.fullmatch(statement.text):
        return f"BEGIN;\nSELECT set_config('{begins[1]}', {_expression(begins[2])}, true);"
    sends = _SENDS_SEQUENCE.search(statement.text)
    sequence = sends[1].count(",") if sends else None

    def value(match: re.Match[str]) -> str:
        place = int(match[1]) - 1
        sent = ":read_sequence" if place == sequence else _expression(statement.parameters[place])
        return f"CAST({sent} AS {types[place]})"

    # pgbench replaces variables after a colon, even in quotes.
    text = _QUOTED.sub(lambda match: _literal(match[1]), _COMMENT.sub("", statement.text))
    text, reads = _READS_SEQUENCE.subn(r"\1sequence", re.sub(r"\$(\d+)", value, text))
    # \gset requires exactly one row, and several rows may repeat the number.
    return text + (r" \aset read_" if reads else ";")


def _expression(parameter: str | None) -> str:
    if parameter is None:
        return "NULL"
    parts, end = [], 0
    for match in _ANY.finditer(parameter):
        if match.start() > end:
            parts.append(_literal(parameter[end : match.start()]))
        place = list(_PLACES.values())[(match.lastindex or 1) - 1]
        parts.append(place.format(kind=match[0][:24], digits=match[0][-7:]))
        end = match.end()
    if end < len(parameter) or not parts:
        parts.append(_literal(parameter[end:]))
    return " || ".join(parts)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\x3a")
    return f"E'{escaped}'" if escaped != text else f"'{text}'"
