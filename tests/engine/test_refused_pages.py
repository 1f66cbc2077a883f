"""An empty page has no refused fields: the response has no errors, and nothing is logged."""

import structlog

from tests.support.world import World

NOBODY = """{ account { members(filter: {search: "nobody"}, first: 5) {
  nodes { offboarding { activeLicenses } } } } }"""
EVERYBODY = "{ account { members(first: 5) { nodes { offboarding { activeLicenses } } } } }"


async def test_a_page_without_rows_is_no_failure_of_the_compiled_code(world: World) -> None:
    viewer = world.people["VIEWER"]

    with structlog.testing.capture_logs() as logs:
        empty = [await viewer.post(NOBODY) for _ in range(3)]
        full = await viewer.post(EVERYBODY)

    assert [answer for answer in empty if "errors" in answer] == []
    assert {error["extensions"]["permission"] for error in full["errors"]} == {"REMOVE_MEMBERS"}
    assert [log for log in logs if log["event"] == "fast_path_failed"] == []
