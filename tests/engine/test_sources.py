"""Errors have the same locations as those of graphql-core."""

from graphql import Source
from hypothesis import example, given
from hypothesis import strategies as st

from engine.source import IndexedSource
from tests.support.world import World

DENIED = "email " + " ".join(f"email{number}: email" for number in range(20))


@given(st.text(st.sampled_from("a \n\r\u2028é"), max_size=30), st.integers(0, 40))
@example("\r\n", 1)
def test_a_place_is_that_of_a_plain_source(text: str, position: int) -> None:
    assert IndexedSource(text).get_location(position) == Source(text).get_location(position)


async def test_an_error_says_where_its_field_stands(world: World) -> None:
    text = f"\n\r\n\r  {{ account {{ members {{ nodes {{\n {DENIED} }} }} }} }}"

    errors = (await world.viewer.post(text))["errors"]

    lines = {tuple(error["locations"][0].items()) for error in errors}
    assert min(lines) == (("line", 5), ("column", 2))
    assert max(lines) == (("line", 5), ("column", 2 + DENIED.index("email19")))
