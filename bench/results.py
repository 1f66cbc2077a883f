"""Results: medians, ratios, and the file that stores them."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measuring import Cell, Cells
from bench.operations import OPERATIONS
from bench.servers import Server

PATH = Path(__file__).with_name("results.json")
FLOOR = "floor"
Results = dict[str, Any]


def summarised(cells: Cells, servers: Sequence[Server], how: dict[str, Any]) -> Results:
    """Summary of a run. `how` has its parameters."""
    operations = {name: _operation(name, found) for name, found in cells.items() if found}
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "how": how,
        "operations": operations,
        "memory_bytes": {server.name: server.memory_bytes() for server in servers},
    }


def save(results: Results) -> None:
    PATH.write_text(json.dumps(results, indent=2) + "\n")


def load() -> Results:
    found: Results = json.loads(PATH.read_text())
    return found


def _operation(name: str, cells: dict[str, Cell]) -> Results:
    servers = {contestant: _medians(cell) for contestant, cell in cells.items()}
    rates = _rates(servers)
    wanted = OPERATIONS[name].wanted
    ratios = {
        peer: {"ratio": rates["ours"] / rates[peer], "wanted": least}
        for peer, least in wanted.items()
        if peer in rates and "ours" in rates
    }
    return {"servers": servers, "ratios": ratios}


def _rates(servers: Results) -> dict[str, float]:
    """Requests per second. The faster variant of the floor counts."""
    rates = {name: float(each["requests_per_second"]) for name, each in servers.items()}
    ways = [rate for name, rate in rates.items() if name.startswith(f"{FLOOR}, ")]
    return {**rates, FLOOR: max(ways)} if ways else rates


def _medians(cell: Cell) -> Results:
    def median(values: Iterable[float]) -> float:
        return round(statistics.median(values), 3)

    return {
        "requests_per_second": median(each.requests_per_second for each in cell.rounds),
        "rounds": [round(each.requests_per_second, 1) for each in cell.rounds],
        "p50_ms": median(each.p50_ms for each in cell.rounds),
        "p99_ms": median(each.p99_ms for each in cell.rounds),
        "failed": sum(each.failed for each in cell.rounds),
        "statements": cell.statements,
        "body_bytes": cell.body_bytes,
    }
