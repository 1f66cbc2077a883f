"""Measures every operation on every server in turns, so that variations of the machine affect all servers
alike."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench import load, pgbench, servers, statements
from bench.database import Database
from bench.equality import check_equal, settle
from bench.load import Measured
from bench.operations import Operation
from bench.servers import BenchError, Contestant, Server

PGBENCH = "pgbench"
_WARM_UP_SECONDS = 1
Say = Callable[[str], None]


@dataclass
class Cell:
    """One operation on one server."""

    statements: int | None = None
    """Number of SQL statements of a request until its response."""
    body_bytes: int | None = None
    rounds: list[Measured] = field(default_factory=list)


Cells = dict[str, dict[str, Cell]]
"""Measurements by operation and contestant."""


@dataclass
class Bench:
    database: Database
    operations: Sequence[Operation]
    servers: Sequence[Server]
    with_pgbench: bool
    seconds: int
    cells: Cells = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._contestants = [each for server in self.servers for each in servers.contestants(server)]

    def prepare(self, say: Say) -> None:
        """Requires that all servers return the same data. Raises BenchError."""
        for operation in self.operations:
            say(f"{operation.name}: comparing the answers")
            self.cells[operation.name] = cells = {each.name: Cell() for each in self._asked(operation)}
            for name, length in check_equal(operation, self._asked(operation)).items():
                cells[name].body_bytes = length
        for operation in self.operations:
            for contestant in self._asked(operation):
                say(f"{operation.name}: counting the statements of {contestant.name}")
                self._count(operation, contestant)

    def measure(self, round: int, say: Say) -> None:
        for operation in self.operations:
            names = list(self.cells[operation.name])
            first = round % len(names) if names else 0
            for name in names[first:] + names[:first]:
                say(f"{operation.name}: {name}")
                self.cells[operation.name][name].rounds.append(self._measure(operation, name))

    def _asked(self, operation: Operation) -> list[Contestant]:
        return [each for each in self._contestants if each.answers(operation)]

    def _count(self, operation: Operation, contestant: Contestant) -> None:
        cells = self.cells[operation.name]
        captured = statements.statements_of(contestant, operation, self.database)
        cells[contestant.name].statements = len(captured)
        if operation.is_change and self.with_pgbench:
            cells[PGBENCH] = Cell(pgbench.write_script(operation, captured, self.database))

    def _measure(self, operation: Operation, name: str) -> Measured:
        if name == PGBENCH:
            asyncio.run(self.database.forget_invoices())
            return pgbench.run(operation, self.database, self.seconds)
        contestant = next(each for each in self._contestants if each.name == name)
        url, folder = contestant.url(operation), self.database.folder
        warm = load.run(operation, url, _WARM_UP_SECONDS, folder, checked=True)
        settle(contestant, operation)
        asyncio.run(self.database.forget_invoices())
        measured = load.run(operation, url, self.seconds, folder, checked=False)
        settle(contestant, operation)
        if failed := warm.failed + measured.failed:
            raise BenchError(f"{name} failed {failed} times at {operation.name}.")
        return measured


@contextmanager
def started(names: Sequence[str], database: Database) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(servers.running(name, database)) for name in names]
