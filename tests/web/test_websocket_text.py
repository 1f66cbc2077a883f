"""Invalid text on a WebSocket."""

import pytest

from tests.support.raw_connections import CONTINUATION, TEXT, RawConnection, frame
from tests.support.toy_graphql import serving

WRONG = {
    "one frame": frame(TEXT, b"\xff"),
    "fragments": frame(TEXT, b'"\xc3', fin=False) + frame(CONTINUATION, b'"'),
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG.keys())
async def test_text_that_is_not_utf_8_closes_without_a_traceback(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as address:
        connection = await RawConnection.open(int(address.rpartition(":")[2]))
        await connection.upgrade()

        await connection.send(sent)

        assert await connection.closed_with() == (1007, "A message's text is not valid UTF-8")
    assert not [record for record in caplog.records if record.exc_info]
