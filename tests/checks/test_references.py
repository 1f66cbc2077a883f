"""The printed reference pages equal the code; every page is in the index, and no link is dead."""

import re
from pathlib import Path

import pytest
from graphql import get_named_type

from docs import references
from models.members import Role
from permissions.roles import ROLE_PERMISSIONS, Permission
from schema import SCHEMA
from tests.support.guides import PAGES, ROOT
from tests.support.problems import require_none

LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)")
INDEX = ROOT / "docs" / "README.md"
CODE = re.compile(
    r'(?:RequestRefused|ConnectionRefused)\(\s*\d+,\s*"([A-Z_]+)"'
    r'|"code": "([A-Z_]+)"|"(GRAPHQL_[A-Z]+_FAILED)"'
)
"""Pattern of the places where error codes are defined."""
NAME = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`")
DESIGN = [
    *(ROOT / "docs" / "architecture.md", ROOT / "docs" / "operations.md", ROOT / "engine" / "README.md"),
    *(ROOT / "docs").glob("adr/*.md"),
    *(ROOT / "docs").glob("guide/*.md"),
]
OUTSIDE = {"pyuca", "requirements.lock"}
"""Names that the code does not have: a library that was not chosen, and a file."""


@pytest.mark.parametrize("path", references.PAGES, ids=lambda path: path.name)
def test_the_committed_reference_is_the_one_in_the_code(path: Path) -> None:
    if path.read_text(encoding="utf-8") != references.PAGES[path]():
        require_none([f"{path.name} is not what the code declares: run `make references` and commit it."])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    dead = [
        (target, anchor)
        for target, anchor in LINK.findall(page.read_text(encoding="utf-8"))
        if not _exists(page.parent / target if target else page, anchor)
    ]

    assert dead == []


def test_the_reference_has_every_error_code() -> None:
    page = (ROOT / "docs" / "reference" / "errors-and-limits.md").read_text(encoding="utf-8")
    modules = [path for path in ROOT.glob("[a-z]*/**/*.py") if "tests" not in path.parts]
    codes = {
        "".join(found) for module in modules for found in CODE.findall(module.read_text(encoding="utf-8"))
    }

    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"| `{code}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    names = re.findall(r"`([\w./-]+/[\w./-]*|\w+\.py)`", page.read_text(encoding="utf-8"))
    files = [name for name in names if not name.startswith("/")]  # Others are paths of URLs.
    paths = [name for name in files if name.endswith(".py") or (ROOT / name.split("/")[0]).is_dir()]

    assert [path for path in paths if not (ROOT / path).exists() and "NNNN" not in path] == []


def test_the_names_in_the_description_of_the_design_exist() -> None:
    """Names of modules, classes, functions, fields and settings, as parts of names with dots."""
    words = {word.lower() for path in _code() for word in re.findall(r"\w+", path.read_text("utf-8"))}

    missing = {
        (page.name, name)
        for page in DESIGN
        for name in NAME.findall(page.read_text(encoding="utf-8"))
        if name not in OUTSIDE and not {part.lower() for part in name.split(".")} - {"py"} <= words
    }

    assert len(words) > 1_000
    assert missing == set()


def test_the_index_has_every_page() -> None:
    linked = {
        (INDEX.parent / target).resolve() for target, _ in LINK.findall(INDEX.read_text(encoding="utf-8"))
    }

    assert [page for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in linked | {INDEX}] == []


def test_the_guide_has_the_permissions_of_each_role() -> None:
    guide = (ROOT / "docs" / "guide" / "teams-and-roles.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` \| (yes|no) \| (yes|no) \| (yes|no) \|", guide, re.MULTILINE)

    assert rows == [
        (permission, *("yes" if permission in ROLE_PERMISSIONS[role] else "no" for role in Role))
        for permission in Permission
    ]


def test_the_guide_names_the_changes_with_an_idempotency_key() -> None:
    guide = (ROOT / "docs" / "guide" / "getting-started.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"The inputs of ([^.]*) have the field\.", guide)
    fields = SCHEMA._schema.mutation_type.fields if SCHEMA._schema.mutation_type else {}
    inputs = {name: get_named_type(field.args["input"].type) for name, field in fields.items() if field.args}

    named = set(re.findall(r"`(\w+)`", sentence))
    having = {name for name, input in inputs.items() if "idempotencyKey" in getattr(input, "fields", {})}
    require_none(
        f"{name} has an idempotencyKey, or had one: correct the list in docs/guide/getting-started.md."
        for name in sorted(named ^ having)
    )


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def _exists(target: Path, anchor: str) -> bool:
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    """Anchors of the headings, as GitHub creates them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _code() -> list[Path]:
    patterns = ("*.py", "[a-z]*/**/*.py", "[a-z]*/**/*.sql", "schema/schema.graphql", "pyproject.toml")
    paths = (path for pattern in patterns for path in ROOT.glob(pattern))
    return [path for path in paths if "node_modules" not in path.parts]
