"""The reference pages that are printed from the code: `make references` writes them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

import cli
from settings import Settings
from telemetry.families import FAMILIES
from telemetry.series import CounterFamily, GaugeFamily, HistogramFamily

_FOLDER = Path(__file__).with_name("reference")

_SETTINGS = """# Settings

Printed from `settings.py` by `make references`: do not edit this page.

Each setting is an environment variable, or a line `NAME=value` of the file `.env` in the working directory.
The environment takes precedence. An empty value means: not set. A wrong value stops the start with exit code
2 and a sentence that names the setting and the values that it accepts. [Operations](../operations.md) says
which settings a production system needs.

| setting | default | description |
|---|---|---|
"""

_METRICS = """# Metrics

Printed from `telemetry/families.py` by `make references`: do not edit this page.

[Operations](../operations.md#observing-it) says how Prometheus reads them. All times are in seconds. A
histogram has the suffixes `_bucket`, `_sum` and `_count`. Servers on the same database have the same values
of what is in the database: take their `max`.

| metric | type | labels | description |
|---|---|---|---|
"""
_KINDS: Mapping[type, str] = {
    CounterFamily: "counter",
    HistogramFamily: "histogram",
    GaugeFamily: "gauge",
}

_COMMANDS = """# Command line

Printed from the `team-access` command by `make references`: do not edit this page.

`make serve` and `make install` install the command as `.venv/bin/team-access`. It reads the
[settings](settings.md). Without `DATABASE_URL` it uses the embedded database in `DATA_DIR`, also while
`serve` runs. What it changes in an account is recorded in that account's audit log, as done by the operator.

Exit codes: 0 for success, 1 for a failure (one sentence on standard error says what is wrong), 2 for a wrong
setting or argument. `audit verify` has exit codes of its own. With `--json` the result is JSON on standard
output.
"""


def settings_page() -> str:
    rows = (
        f"| `{name.upper()}` | {_code(_default(field.default))} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _SETTINGS + "".join(rows)


def commands_page() -> str:
    command = typer.main.get_command(cli.app)
    return _COMMANDS + "".join(_sections(command, "team-access"))


def metrics_page() -> str:
    return _METRICS + "".join(
        f"| `{family.name}` | {_KINDS[type(family)]} |"
        f" {', '.join(f'`{each}`' for each in family.label_names)} | {family.help} |\n"
        for family in FAMILIES.values()
    )


PAGES: Mapping[Path, Callable[[], str]] = {
    _FOLDER / "settings.md": settings_page,
    _FOLDER / "command-line.md": commands_page,
    _FOLDER / "metrics.md": metrics_page,
}


def main() -> None:
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")


def _sections(command: Any, name: str) -> Iterator[str]:
    """Sections of all commands that are not groups, in the order of `--help`."""
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield _section(command, name)
        return
    for subname, subcommand in subcommands.items():
        yield from _sections(subcommand, f"{name} {subname}")


def _section(command: Any, name: str) -> str:
    parameters = [each for each in command.params if each.name != "help"]
    usage = " ".join([name, *(_usage(each) for each in parameters)])
    description = " ".join((command.help or "").split())
    section = f"\n## {name}\n\n    {usage}\n\n{description}\n"
    rows = [
        f"| `{_spelling(each).replace('|', '/')}` | {_code(_default(each.default))} | {each.help} |\n"
        for each in parameters
        if getattr(each, "help", None)
    ]
    return section + ("\n| | default | description |\n|---|---|---|\n" + "".join(rows) if rows else "")


def _usage(parameter: Any) -> str:
    spelling = _spelling(parameter)
    return spelling if parameter.required else f"[{spelling}]"


def _spelling(parameter: Any) -> str:
    """`ACCOUNT_SLUG`, `--slug SLUG` or `--worker/--no-worker`."""
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    flags = "/".join([*parameter.opts, *parameter.secondary_opts])
    annotation = parameter.type_descriptor.annotation
    values = "|".join(get_args(annotation)) if get_origin(annotation) is Literal else ""
    return flags if parameter.is_flag else f"{flags} {parameter.metavar or values or parameter.name.upper()}"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in (None, "", (), {}) else str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    main()
