"""Client certificates in the database's URL, for each kind of authority."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.models.test_database_urls import authority, tcp, works
from tests.support.postgresql_tls import Authority, over_tcp

__all__ = ["authority"]

PASSWORD = "a password"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path, Path]:
    """Authority of clients; a client's certificate; its key, which is encrypted."""
    folder, authority = tmp_path_factory.mktemp("client"), trustme.CA()
    issued = authority.issue_cert("client.example.com")
    certificate, key = folder / "client.pem", folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    key.write_bytes(
        load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    key.chmod(0o600)
    return authority, certificate, key


@pytest.mark.parametrize("trusts", ["its file", "the system"])
async def test_a_server_that_asks_for_a_client_s_certificate_gets_it(
    database_url: str,
    authority: Authority,
    client: tuple[trustme.CA, Path, Path],
    trusts: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_clients, certificate, key = client
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    monkeypatch.setattr(authority.context, "verify_mode", ssl.CERT_REQUIRED)
    of_clients.configure_trust(authority.context)
    root = authority.root if trusts == "its file" else "system"
    tls: dict[str, Any] = {"sslmode": "verify-full", "sslrootcert": root}

    async with over_tcp(database_url, authority.context) as port:
        without = await works(tcp(database_url, port, **tls))
        with_it = await works(
            tcp(database_url, port, **tls, sslcert=certificate, sslkey=key, sslpassword="a%20password")
        )

    assert (without, with_it) == (False, True)
