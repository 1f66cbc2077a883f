"""Each class name is used once, and parameters have types."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "audit_proof",
    "commands",
    "embedded",
    "engine",
    "mailer",
    "models",
    "permissions",
    "resolvers",
    "schema",
    "web",
)
SHOWN_AS_A_TYPE = (["models", "schema"], ["permissions", "schema"], ["resolvers", "schema"])
UNTYPED = re.compile(r"\b(?:dict|Mapping)\[str, Any\]")
AT_AN_EDGE = {
    "audit_proof/prunings.py": "details as JSON has them",
    "engine/canonical_json.py": "JSONObject, which says what it is",
    "engine/row_compiler.py": "arguments as Strawberry has converted them",
    "web/websocket_protocol.py": "the ASGI scope, which uvicorn types as closed",
}


def test_a_class_name_stands_for_one_thing() -> None:
    """A GraphQL type may have the name of the class that it shows."""
    packages = defaultdict(list)
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                packages[node.name].append(path.relative_to(ROOT).parts[0])

    ambiguous = {
        name: where
        for name, where in packages.items()
        if len(where) > 1 and sorted(where) not in SHOWN_AS_A_TYPE
    }

    assert len(packages) > 300
    assert ambiguous == {}


def test_no_untyped_dictionary_is_passed() -> None:
    untyped = {
        str(path.relative_to(ROOT)) for path in _modules() if UNTYPED.search(path.read_text(encoding="utf-8"))
    }

    assert untyped == AT_AN_EDGE.keys()


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")
    yield from ROOT.glob("*.py")
