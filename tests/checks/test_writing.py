"""Only the listed modules open writable transactions or connect to the database."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOKED_THROUGH = (
    "audit_proof",
    "commands",
    "demo",
    "embedded",
    "engine",
    "mailer",
    "models",
    "permissions",
    "resolvers",
    "schema",
    "web",
)
# Methods that open writable transactions, and the modules that may call them.
WAYS = {
    "writing": {"permissions/last_use.py"},
    "transaction": {
        "resolvers/change.py",
        "resolvers/denials.py",
        "resolvers/unaudited.py",
        "models/migrate.py",
    },
}
DECLARED = "models/database.py"
# Connections of their own: to migrate, to run the server, to listen, and to try a write.
CONNECTING = {
    "models/database.py",
    "embedded/server.py",
    "models/migrate.py",
    "models/migrations/env.py",
    "models/notifications.py",
    "models/postgresql.py",
    "models/readiness.py",
}
# All others connect by the parsed URL.
BY_DRIVER = {"embedded/server.py", "models/postgresql.py"}
CONNECTS = ("asyncpg.connect", "asyncpg.create_pool", "create_async_engine", "database.connect")


def test_only_changes_write() -> None:
    attributes = [(path, node.attr) for path, node in _nodes() if isinstance(node, ast.Attribute)]
    found = {attribute: {path for path, attr in attributes if attr == attribute} for attribute in WAYS}

    assert {attribute: paths - {DECLARED} for attribute, paths in found.items()} == WAYS


def test_only_what_is_no_resolver_connects_by_itself() -> None:
    calls = [(path, _called(node)) for path, node in _nodes() if isinstance(node, ast.Call)]

    found = {path for path, called in calls if called == "connect" or called.endswith(CONNECTS)}

    assert found == CONNECTING
    assert {path for path, called in calls if called.startswith("asyncpg.c")} == BY_DRIVER


def test_sessions_begin_in_one_function_whose_callers_append_the_event() -> None:
    calls = [(path, node) for path, node in _nodes() if isinstance(node, ast.Call)]
    opening = {path for path, node in calls if _called(node) == "open_session"}
    recording = {path for path, node in calls if _called(node) in ("record_sign_in", "record_in")}

    assert {path for path, node in calls if ast.unparse(node).startswith("new_row(Session,")} == {
        "resolvers/sessions/tokens.py"
    }
    assert opening == {"resolvers/sessions/mutations.py", "resolvers/invitations/joining.py"}
    assert opening <= recording


def test_there_is_no_orm_session() -> None:
    names = {"AsyncSession", "Session", "async_sessionmaker", "sessionmaker"}
    imported = {
        (path, name.name)
        for path, node in _nodes()
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("sqlalchemy", "sqlmodel"))
        for name in node.names
    }

    assert not {(path, name) for path, name in imported if name in names}


@cache
def _nodes() -> list[tuple[str, ast.AST]]:
    paths = [
        *ROOT.glob("*.py"),
        *(path for folder in LOOKED_THROUGH for path in (ROOT / folder).rglob("*.py")),
    ]
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for path in paths
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)
