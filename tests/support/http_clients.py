"""For HTTP clients of servers on loopback."""

import ssl

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is made once: otherwise httpx reads the certificates of all authorities for each client,
which takes 20 ms."""
