"""Clients whose address is unknown."""

import pytest
from starlette.requests import HTTPConnection

from web.proxy_headers import Proxies


@pytest.mark.parametrize("trusted", [[], ["127.0.0.0/8"]])
def test_a_connection_that_is_lost_already_has_no_address(trusted: list[str]) -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.7")]

    connection = HTTPConnection({"type": "http", "client": None, "headers": headers})

    assert Proxies(trusted).client_of(connection) is None
