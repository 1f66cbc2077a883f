"""Results of `python -m bench.scale`, for a terminal and for this folder's README."""

import re
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from bench.scale_appends import Price
from bench.scale_measure import Measured

_README = Path(__file__).with_name("README.md")
_MARKED = re.compile(r"(?<=<!-- scale -->\n).*(?=<!-- /scale -->)", re.DOTALL)
_PRICE = (
    "indexes of audit_events",
    "events of",
    "events a transaction",
    "events a second",
    "µs of CPU an event",
)


def pages(measured: list[Measured]) -> Table:
    table = Table("list", "order", "filter", "page", box=None)
    for name in ("rows", "small µs", "large µs", "ratio", "bound"):
        table.add_column(name, justify="right")
    table.add_column("index", overflow="fold")
    for each in measured:
        order, ratio = each.case.order, f"{each.ratio:.2f}"
        table.add_row(
            *(order.listed.name, order.name or "", each.case.filter.name, each.case.depth.name),
            *(str(each.rows), f"{each.small_seconds * 1e6:.0f}", f"{each.large_seconds * 1e6:.0f}"),
            ratio if each.is_reached else f"[red]{ratio} ![/]",
            *(f"{each.case.filter.bound:g}", ", ".join(each.indexes)),
        )
    return table


def prices(appended: list[Price]) -> Table:
    table = Table(*_PRICE, box=None)
    for each in appended:
        table.add_row(*_cells(each))
    return table


def write_readme(measured: list[Measured], appended: list[Price]) -> None:
    text = _README.read_text()
    _README.write_text(_MARKED.sub(lambda _: "\n".join([*_markdown(measured, appended), ""]), text))


def _markdown(measured: list[Measured], appended: list[Price]) -> Iterator[str]:
    """Table with the slowest page of each list and kind of filter, over all orders, positions and values."""
    kinds: dict[tuple[str, str], list[Measured]] = {}
    for each in measured:
        kind = each.case.filter.name.partition(" ")[0].rstrip(",")
        kinds.setdefault((each.case.order.listed.name, kind), []).append(each)
    yield from _heading("list", "filter", "pages", "typical ratio", "worst ratio", "bound", "beyond it")
    for (name, kind), group in kinds.items():
        ratios = sorted(each.ratio for each in group)
        missed = sum(not each.is_reached for each in group)
        typical, worst = f"{ratios[len(ratios) // 2]:.2f}", f"{ratios[-1]:.2f}"
        bound = f"{group[0].case.filter.bound:g}"
        yield _row(name, kind, str(len(group)), typical, worst, bound, str(missed or ""))
    if appended:
        yield ""
        yield from _heading(*_PRICE)
        for price in appended:
            yield _row(*_cells(price))


def _cells(price: Price) -> tuple[str, ...]:
    return (
        price.indexes,
        price.kind,
        str(price.batch),
        f"{price.events_per_second:,.0f}",
        f"{price.backend_microseconds:.0f}",
    )


def _heading(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---:" if place > 1 else "---" for place in range(len(names))))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
