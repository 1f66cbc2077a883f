"""Addresses of clients behind proxies."""

import pytest
from starlette.requests import HTTPConnection

from web.proxy_headers import Proxies


@pytest.mark.parametrize("trusted", [[], ["127.0.0.0/8"]])
def test_a_connection_that_is_lost_already_has_no_address(trusted: list[str]) -> None:
    headers = [(b"x-forwarded-for", b"203.0.113.7")]

    connection = HTTPConnection({"type": "http", "client": None, "headers": headers})

    assert Proxies(trusted).client_of(connection) is None


@pytest.mark.parametrize("trusted", [[], ["fe80::/10", "127.0.0.0/8"]])
def test_an_address_has_no_zone(trusted: list[str]) -> None:
    for peer, hops, client in (
        ("fe80::1%eth0", "", "fe80::1"),
        ("127.0.0.1", "2001:db8::1%=cmd", "2001:db8::1" if trusted else "127.0.0.1"),
        ("fe80::1%eth0", "2001:db8::1%a, fe80::2%b", "2001:db8::1" if trusted else "fe80::1"),
    ):
        headers = [(b"x-forwarded-for", hops.encode())] if hops else []
        connection = HTTPConnection({"type": "http", "client": (peer, 4711), "headers": headers})

        assert Proxies(trusted).client_of(connection) == client
