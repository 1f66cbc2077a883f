"""Audit streams connect to public addresses only, and resolve each name once."""

import asyncio
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from threading import Event

import pytest
import trustme

from resolvers.audit_streams import delivery_requests
from resolvers.audit_streams.delivery_requests import DeliveryRequest, Failed, Outcome, Taken, post
from resolvers.audit_streams.public_addresses import CheckedBackend, is_public, resolve
from tests.support.public_names import Names
from tests.support.receiver import receiving

NEAR = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1",  # noqa: S104
    "127.8.9.10",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::7f00:1", "::10.0.0.1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "4000::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::1", "2002:a00:1::1", "2002:808:808::1", "2001:0:7f00:1::1", "2001::1", "2001:10::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.167.255.255", "223.255.255.254",
    "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", NEAR)
def test_near(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


async def send(url: str, names: Names, *, private_addresses: bool = False) -> Outcome:
    delivery = DeliveryRequest(url, "batch_1_1_a", b"{}\n", [b"s" * 32])
    return await post(delivery, CheckedBackend(names, private_addresses=private_addresses), 2)


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["8.8.8.8", "127.0.0.1"]],
)
async def test_a_name_that_leads_near_is_not_connected_to(answer: list[str]) -> None:
    async with receiving() as receiver:
        outcome = await send(f"https://hooks.example.com:{receiver.port}/", Names(answer))

    assert outcome == Failed("The host name resolves to an address that is not public.")
    assert not receiver.requests


async def test_a_literal_address_is_checked_as_a_name_is() -> None:
    async with receiving() as receiver:
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"):
            url = f"https://{host}:{receiver.port}/"
            outcome = await post(DeliveryRequest(url, "a", b"", [b"s"]), CheckedBackend(resolve), 2)

            assert outcome == Failed("The host name resolves to an address that is not public."), host
    assert not receiver.requests


async def test_a_name_that_is_rebound_is_asked_for_once_and_the_answer_is_what_counts() -> None:
    """Public when it is looked at and near when it is used: there is no second look."""
    rebound = Names(["8.8.8.8", "127.0.0.1"], ["127.0.0.1"])
    async with receiving() as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        first = await send(url, rebound)
        assert rebound.asked == ["hooks.example.com"]
        second = await send(url, rebound)

    assert first == second == Failed("The host name resolves to an address that is not public.")
    assert len(rebound.asked) == 2
    assert not receiver.requests


async def test_the_connection_is_to_the_address_and_tls_and_host_are_of_the_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with receiving(tls=trusted("hooks.example.com", monkeypatch, tmp_path)) as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        assert await send(url, names, private_addresses=True) == Taken()
        assert names.asked == ["hooks.example.com"]
        other = await send(url.replace("hooks", "other"), Names(["127.0.0.1"]), private_addresses=True)

    assert [request.headers["host"] for request in receiver.requests] == [
        f"hooks.example.com:{receiver.port}"
    ]
    assert isinstance(other, Failed)
    assert other.words.startswith("The receiver's certificate is not valid: Hostname mismatch")


async def test_a_certificate_nobody_vouches_for_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with receiving(tls=context) as receiver:
        outcome = await send(receiver.url, Names(["127.0.0.1"]), private_addresses=True)
        plain = await send(
            receiver.url.replace("https", "http"), Names(["127.0.0.1"]), private_addresses=True
        )

    assert isinstance(outcome, Failed)
    assert outcome.words.startswith("The receiver's certificate is not valid: ")
    assert isinstance(plain, Failed)
    assert not receiver.requests


async def test_the_next_address_is_tried_where_one_is_not_there() -> None:
    async with receiving() as receiver:
        names = Names(["127.0.0.2", "127.0.0.1"])
        assert await send(receiver.url, names, private_addresses=True) == Taken()


async def test_a_name_without_an_address() -> None:
    assert await send("https://nowhere.example.com", Names([])) == Failed(
        "The host name does not resolve to an address."
    )


async def test_plain_http_is_for_private_addresses_alone() -> None:
    names = Names(["8.8.8.8"])

    assert await send("http://hooks.example.com/", names) == Failed("The URL does not start with https://.")
    assert names.asked == []


async def test_the_system_s_names() -> None:
    assert "127.0.0.1" in await resolve("localhost", 443)
    for nobody in ("nowhere.invalid", "a" * 70 + ".example.com"):
        with pytest.raises(OSError):  # noqa: PT011 - in whichever words
            await resolve(nobody, 443)


async def test_a_name_server_that_answers_too_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, answered, errors = Event(), asyncio.Event(), list[object]()
    loop = asyncio.get_running_loop()

    def late(*_: object, **__: object) -> list[object]:
        answer.wait(10)
        loop.call_soon_threadsafe(lambda: loop.call_later(0.05, answered.set))
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    loop.set_exception_handler(lambda _loop, context: errors.append(context))
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolve("slow.example.com", 443), 0.01)
        answer.set()
        await asyncio.wait_for(answered.wait(), 10)
    finally:
        loop.set_exception_handler(None)

    assert errors == []


async def test_nothing_of_the_environment_has_a_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor a password file."""
    (tmp_path / ".netrc").write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://localhost:{proxy.port}")
        assert await send(receiver.url, Names(["127.0.0.1"]), private_addresses=True) == Taken()

    assert not proxy.requests
    assert {"authorization", "cookie", "proxy-authorization"} & set(receiver.requests[0].headers) == set()


def trusted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's context, under an authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    delivery_requests.tls_context.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def _fresh_tls_context() -> None:
    delivery_requests.tls_context.cache_clear()
