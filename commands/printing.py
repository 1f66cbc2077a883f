"""Output of commands: results as text or JSON, and progress bars."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich.console import Console

out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def print_done(sentence: str, result: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        out.print(sentence, markup=False, soft_wrap=True)


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    lines = [list(rows[0]), *([str(value or "") for value in row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:  # Not a rich table, which truncates lines to the width of the terminal.
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.print("  ".join(cells).rstrip(), markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def progress_bar(
    what: str, unit: Literal["bytes", "events"] = "events"
) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; the returned function takes the completed and the total number. It has no thread, since
    processes are forked meanwhile."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count)
    is_shown = notes.is_terminal
    with Progress(*columns, console=notes, transient=True, auto_refresh=False, disable=not is_shown) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)
