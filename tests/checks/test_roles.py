"""The permissions of roles are in one table: no other module compares roles."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("resolvers", "schema", "web", "mailer", "models", "engine", "commands")


def test_nothing_compares_roles() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]

    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and any(map(_is_role, [node.left, *node.comparators]))
    }

    assert len(modules) > 100
    assert found == set()


def _is_role(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Role"
