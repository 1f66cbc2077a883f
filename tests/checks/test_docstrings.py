"""A docstring says what the thing is or does, and does not continue its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
RIDDLES = {
    *("Of", "By", "As", "To", "It", "Its", "They", "Those"),
    *("What", "Who", "Whom", "Whose", "Where", "Which", "How"),
}
"""First words of a docstring that is part of a sentence, of which the name would be the rest."""


def test_no_docstring_begins_with_part_of_a_sentence() -> None:
    docstrings = [(place, text) for path in _code() for place, text in _docstrings(path)]

    riddles = [f"{place}: {text}" for place, text in docstrings if text.split(maxsplit=1)[0] in RIDDLES]

    assert len(docstrings) > 1_000
    assert riddles == []


def _code() -> list[Path]:
    paths = [*ROOT.glob("*.py"), *ROOT.glob("[a-z]*/**/*.py")]
    left_out = {"node_modules", "tests"}
    return [path for path in paths if left_out.isdisjoint(path.relative_to(ROOT).parts)]


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The text after a definition's head, and after an assignment, with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        body = getattr(node, "body", None)
        for before, statement in zip([node, *body], body, strict=False) if isinstance(body, list) else ():
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            if isinstance(before, (*documented, ast.Assign, ast.AnnAssign)):
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield f"{path.relative_to(ROOT)}:{statement.lineno}", text
