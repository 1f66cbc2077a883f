"""Enums of the schema are declared with a description for each value, or the project does not start."""

from enum import StrEnum

import pytest

from engine.enums import described_enum


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@pytest.mark.parametrize("values", ["RED Like fire.", "RED Like fire.\nBLUE Like water.\nGREEN Like grass."])
def test_a_value_without_a_description_or_the_reverse_is_refused(values: str) -> None:
    with pytest.raises(TypeError, match="Colour: every value needs one description, and no other"):
        described_enum("Colour of a thing.", values)(Colour)


def test_one_description_for_each_value_is_taken() -> None:
    assert described_enum("Colour of a thing.", "RED Like fire.\nBLUE Like water.")(Colour) is Colour
