"""Tables of the results, for a terminal and for this folder's README."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from bench.results import FLOOR, Results

_README = Path(__file__).with_name("README.md")
_MARKED = re.compile(r"(?<=<!-- results -->\n).*(?=<!-- /results -->)", re.DOTALL)
_COLUMNS = ("", "requests/s", "p50 ms", "p99 ms", "SQL", "bytes", "failed", "ours is", "wanted")


def tables(results: Results) -> list[Table]:
    measured = Table(*_COLUMNS, title="Medians", title_justify="left", box=box.SIMPLE)
    for place, column in enumerate(measured.columns):
        column.justify, column.no_wrap = "right" if place else "left", True
    for name, operation in results["operations"].items():
        measured.add_section()
        measured.add_row(f"[bold]{name}[/]")
        for row in _rows(operation):
            measured.add_row(*_coloured(row, operation))
    memory = Table("", "MB", title="Memory afterwards", title_justify="left", box=box.SIMPLE)
    memory.columns[1].justify = "right"
    for name, megabytes in _memory(results):
        memory.add_row(name, megabytes)
    return [measured, memory]


def write_readme(results: Results) -> None:
    text = _README.read_text()
    _README.write_text(_MARKED.sub(lambda _: markdown(results), text))


def markdown(results: Results) -> str:
    lines = [_row("operation", "server", *_COLUMNS[1:]), _row(*["---"] * 2, *["---:"] * (len(_COLUMNS) - 1))]
    for name, operation in results["operations"].items():
        lines += [_row(name, *row) for row in _rows(operation)]
    memory = ", ".join(f"{name} {megabytes} MB" for name, megabytes in _memory(results))
    return "\n".join([_how(results), "", *lines, "", f"Memory afterwards: {memory}.", ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _how(results: Results) -> str:
    how, machine = results["how"], results["machine"]
    return (
        f"{results['taken_at'][:10]}, {machine['system']}, {machine['cpus']} CPUs, "
        f"Python {machine['python']}, PostgreSQL {how['postgresql']}; {how['connections']} connections, "
        f"medians of {how['rounds']} rounds of {how['seconds']} s."
    )


def _rows(operation: Results) -> Iterator[tuple[str, ...]]:
    for name, each in operation["servers"].items():
        ratio = operation["ratios"].get(_peer(name, operation))
        compared = (f"{ratio['ratio']:.2f} x", f"≥ {ratio['wanted']:g}") if ratio else ("", "")
        yield (
            name,
            f"{each['requests_per_second']:,.0f}",
            f"{each['p50_ms']:.2f}",
            f"{each['p99_ms']:.2f}",
            _count(each["statements"]),
            _count(each["body_bytes"]),
            str(each["failed"]),
            *compared,
        )


def _peer(name: str, operation: Results) -> str:
    """The faster variant of the floor counts as the floor."""
    if not name.startswith(f"{FLOOR}, "):
        return name
    ways = {way: each for way, each in operation["servers"].items() if way.startswith(f"{FLOOR}, ")}
    return FLOOR if max(ways, key=lambda way: float(ways[way]["requests_per_second"])) == name else name


def _coloured(row: tuple[str, ...], operation: Results) -> tuple[str, ...]:
    ratio: dict[str, Any] | None = operation["ratios"].get(_peer(row[0], operation))
    if ratio is None:
        return row
    colour = "green" if ratio["ratio"] >= ratio["wanted"] else "red"
    return (*row[:-2], f"[{colour}]{row[-2]}[/]", row[-1])


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _memory(results: Results) -> Iterator[tuple[str, str]]:
    for name, number in results["memory_bytes"].items():
        yield name, f"{number / 1e6:,.0f}"
