"""The console's built files are those of its sources, and its first load is small. Needs no Node.js."""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from tests.support.problems import require_none

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "web" / "console"
BUILT = ROOT / "web" / "static" / "console"
NOT_SOURCES = {".gitignore", "__generated__", "node_modules", "page.html", "persisted.json", "README.md"}
"""What the built files are not made from, as in web/console/sources.js."""
ENTRY = "src/main.tsx"
MOST_FIRST_LOAD_BYTES = 200_000


def test_the_built_files_are_those_of_the_sources() -> None:
    built = _json(BUILT / "sources.json")

    current = {path.relative_to(SOURCES).as_posix(): _sha256(path) for path in _sources(SOURCES)}

    assert len(current) > 50
    changed = sorted(path for path in {*built, *current} if built.get(path) != current.get(path))
    if changed:
        require_none([f"web/static/console is not built from these files: run `make console`. {changed}"])


def test_documents_are_valid_by_the_schema() -> None:
    schema = _schema()

    problems = [
        f"web/console: {error.message} Change the component, then run `make console`."
        for document in _json(SOURCES / "persisted.json").values()
        for error in validate(schema, parse(document))
    ]

    require_none(problems)


def test_documents_have_the_ids_by_which_the_app_requests_them() -> None:
    documents = _json(SOURCES / "persisted.json")
    scripts = "".join(path.read_text(encoding="utf-8") for path in BUILT.glob("*.js"))

    assert len(documents) > 10
    for id, document in documents.items():
        assert id == hashlib.sha256(document.encode()).hexdigest()
        assert id in scripts


def test_the_first_load_is_small() -> None:
    manifest = _json(BUILT / "manifest.json")

    files = _first_load(manifest, ENTRY)

    sizes = {name: len(gzip.compress((BUILT / name).read_bytes())) for name in files}
    assert any(name.startswith("framework-") for name in files)
    assert sum(sizes.values()) <= MOST_FIRST_LOAD_BYTES, sizes


@pytest.mark.parametrize("pattern", [r"\beval\(", r"\bnew Function\b"])
def test_the_apps_own_code_creates_no_code_from_text(pattern: str) -> None:
    scripts = [path for path in BUILT.glob("*.js") if not path.name.startswith("framework-")]

    assert [path.name for path in scripts if re.search(pattern, path.read_text(encoding="utf-8"))] == []


def test_the_licenses_of_what_is_bundled_are_there() -> None:
    packages = _json(SOURCES / "package-lock.json")["packages"]
    licenses = (BUILT / "LICENSES.md").read_text(encoding="utf-8")

    assert all("resolved" not in package for package in packages.values())
    for name in ("graphql-ws", "react", "react-aria-components", "react-dom", "react-relay", "relay-runtime"):
        assert f"## {name} - {packages[f'node_modules/{name}']['version']} (" in licenses


def _schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


def _first_load(manifest: dict[str, Any], key: str) -> set[str]:
    """Files that the browser loads before any page's own: the entry, what it imports, and their styles."""
    entry = manifest[key]
    imported = (_first_load(manifest, each) for each in entry.get("imports", ()))
    return {entry["file"], *entry.get("css", ())}.union(*imported)


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name not in NOT_SOURCES:
            yield from _sources(path) if path.is_dir() else [path]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
