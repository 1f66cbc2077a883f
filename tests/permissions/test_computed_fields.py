"""Computed fields can have rules of their own."""

from types import SimpleNamespace

import strawberry
from strawberry.types import ExecutionResult

from permissions.allow import SIGNED_IN
from schema.fields import attribute, computed, computed_from_columns


def _initials(name: str) -> str:
    return name[:1]


@strawberry.type
class Person:
    initials: str = computed_from_columns(_initials, "First letter of the name.")
    letters: str | None = computed_from_columns(_initials, "The same letter.", allow=SIGNED_IN)
    full_name: str | None = attribute("name", "Name of the person.", allow=SIGNED_IN)

    @computed(int | None, "Number of letters of the name.", allow=SIGNED_IN)
    def length(root: strawberry.Parent[SimpleNamespace]) -> int:  # noqa: N805
        return len(root.name)


@strawberry.type
class Query:
    @strawberry.field
    def person(self) -> Person:
        return SimpleNamespace(name="Ada")  # type: ignore[return-value]


schema = strawberry.Schema(query=Query)


def _executed(viewer: object) -> ExecutionResult:
    text = "{ person { initials letters fullName length } }"
    return schema.execute_sync(text, context_value=SimpleNamespace(viewer=viewer))


def test_a_computed_field_is_refused_by_its_rule() -> None:
    refused = _executed(viewer=None)

    assert refused.data == {"person": {"initials": "A", "letters": None, "fullName": None, "length": None}}
    assert [error.path for error in refused.errors or ()] == [
        ["person", "letters"],
        ["person", "fullName"],
        ["person", "length"],
    ]
    assert all((error.extensions or {})["code"] == "UNAUTHENTICATED" for error in refused.errors or ())


def test_a_computed_field_is_shown_to_whom_its_rule_allows() -> None:
    shown = _executed(viewer=object())

    assert shown.errors is None
    assert shown.data == {"person": {"initials": "A", "letters": "A", "fullName": "Ada", "length": 3}}


def test_the_rule_of_a_computed_field_is_in_the_schema() -> None:
    assert '''  """
  The same letter. Requires authentication; null with an `UNAUTHENTICATED` error otherwise.
  """
  letters: String''' in schema.as_str()
