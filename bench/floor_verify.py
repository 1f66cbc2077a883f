"""The floor of a license check: the statement, and the function that signs the answer for its row."""

import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from audit_proof.keys import private_key_from
from resolvers.licenses.signing import key_id

STATEMENT = """
    SELECT licenses.status, licenses.expires_at, licenses.site, themes.slug, themes.latest_version
    FROM licenses JOIN themes ON themes.id = licenses.theme_id WHERE licenses.key = $1"""
_TOKEN_SECONDS = 14 * 86_400
_KEY = private_key_from(os.environ["LICENSE_SIGNING_KEY"])


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


_HEADER = _encoded(orjson.dumps({"alg": "EdDSA", "typ": "JWT", "kid": key_id(_KEY.public_key())})) + b"."


async def answer(statement: Any, body: bytes) -> bytes:
    asked = orjson.loads(body)
    rows = await statement.fetch(asked["key"])
    at = datetime.now(UTC)
    status, expires_at, site, theme, version = rows[0]
    if status != "ACTIVE" or (expires_at is not None and expires_at <= at) or asked["site"] != site:
        return b'{"status":"WRONG_SITE"}'
    seconds = int(at.timestamp())
    left = _TOKEN_SECONDS
    if expires_at is not None:
        left = min(left, int(expires_at.timestamp()) - seconds)
    members = {
        "status": "VALID",
        "environment": "PRODUCTION",
        "theme": theme,
        "site": site,
        "expiresAt": None if expires_at is None else _time(expires_at),
        "latestVersion": version,
        "checkedAt": _time(at),
        "nonce": asked["nonce"],
        "recheckAfterSeconds": min(_recheck_seconds(asked["key"]), left),
    }
    claims = {"iss": "floor", "sub": asked["site"], **members, "iat": seconds, "exp": seconds + left}
    signed = _HEADER + _encoded(orjson.dumps(claims))
    token = signed + b"." + _encoded(_KEY.sign(signed))
    return orjson.dumps({**members, "token": token.decode()})


def _recheck_seconds(key: str) -> int:
    return 86_400 - 86_400 * (int.from_bytes(sha256(key.encode()).digest()[:4]) % 101) // 1_000


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
