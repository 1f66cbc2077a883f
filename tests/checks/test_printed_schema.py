"""The committed schema is the one in the code, so that every change of it is reviewed."""

from pathlib import Path

import schema


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    committed = Path(schema.__file__).with_name("schema.graphql").read_text()

    assert committed == schema.printed(), "make schema prints it anew"
