"""The committed schema equals the code, so that changes of it are reviewed."""

from pathlib import Path

import schema
from tests.support.problems import require_none


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    committed = Path(schema.__file__).with_name("schema.graphql").read_text()

    if committed != schema.printed():
        require_none(["schema/schema.graphql is not the one in the code: run `make schema`."])
