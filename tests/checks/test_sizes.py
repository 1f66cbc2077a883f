"""Modules and functions have at most so many lines."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_MODULE_LINES = 400
MOST_FUNCTION_LINES = 50
NOT_CHECKED = ("tests", "build", "node_modules")


def test_no_module_is_too_long() -> None:
    modules = list(_modules())

    too_long = {
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in modules
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_MODULE_LINES
    }

    assert len(modules) > 200
    assert too_long == set()


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}: {name}, {lines} lines"
        for path in _modules()
        for name, lines in _functions(path.read_text(encoding="utf-8"))
        if lines > MOST_FUNCTION_LINES
    }

    assert too_long == set()


@pytest.mark.parametrize("lines", [MOST_FUNCTION_LINES, MOST_FUNCTION_LINES + 1])
def test_a_function_is_counted_with_its_nested_ones(lines: int) -> None:
    source = "def outer():\n    def inner():\n" + "        pass\n" * (lines - 2)

    assert dict(_functions(source)) == {"outer": lines, "inner": lines - 1}


def _modules() -> Iterator[Path]:
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if not parts[0].startswith(".") and not {*NOT_CHECKED} & {*parts} and "migrations" not in parts:
            yield path


def _functions(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
