"""Connection strings of PostgreSQL by the rules of libpq, parsed into one typed value."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

_SCHEME = re.compile(r"postgres(?:ql)?://")
_MALFORMED = re.compile(r"%(?![0-9a-fA-F]{2})|[\x00-\x20\x7f]")
_SHAPE = (
    "must look like postgresql://user:password@host:5432/database"
    " or host=host port=5432 user=user password=password dbname=database"
)
_PAIR = re.compile(
    r"\s*(?P<name>[^\s=]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?=\s|$)|(?P<plain>(?:[^\s'\\]|\\.)*)(?=\s|$))\s*",
    re.S,
)
_MAX_TIMEOUT_SECONDS = 3_600
_DEFAULT_TIMEOUT_SECONDS = 10.0
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SYSTEM = "system"

Parameters = dict[str, str]


class Host(NamedTuple):
    """Host name, IP address, or absolute path of a Unix socket's folder."""

    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Dsn:
    """Parameters of connections. Those that are None have libpq's defaults: PGUSER and the like, the password
    file, the system's user."""

    hosts: tuple[Host, ...] = ()
    """Tried one after the other; none is a Unix socket in the usual folders, or localhost."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    passfile: str | None = None
    tls: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`sslmode` and the other parameters of TLS, as asyncpg takes them in a URL."""
    trusts_system: bool = False
    """`sslrootcert=system`: certificates are checked with the system's authorities."""
    server_settings: Mapping[str, str] = field(default_factory=dict)
    target_session_attrs: str = "any"
    connect_timeout_seconds: float = _DEFAULT_TIMEOUT_SECONDS
    """For each host."""
    in_random_order: bool = False


def parse(text: str) -> Dsn:
    """Parses a URL or a string of `name=value` pairs. Raises ValueError with a message that says what would
    be valid. It contains no part that may be a password."""
    scheme = _SCHEME.match(text)
    return _dsn(_pairs(text), "") if scheme is None else _of_url(text[scheme.end() :])


def _pairs(text: str) -> Parameters:
    """Parses `name=value name='a value'`: a backslash quotes the next character, and the last value of a name
    counts."""
    found: Parameters = {}
    position = 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None or "\0" in pair[0]:
            raise ValueError(_SHAPE)
        found[pair["name"]] = re.sub(r"\\(.)", r"\1", pair["quoted"] or pair["plain"] or "", flags=re.S)
        position = pair.end()
    if not found:
        raise ValueError(_SHAPE)
    return found


def _of_url(url: str) -> Dsn:
    """Parses what follows the scheme."""
    if _MALFORMED.search(url):
        raise ValueError("must be percent-encoded: %20 for a space, %25 for a %")
    before, _, query = url.partition("?")
    authority, _, database = before.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    if "@" in credentials:
        raise ValueError("must be percent-encoded in its user name and password: %40 for @")
    user, colon, password = credentials.partition(":")
    given = {
        **({"user": _decoded(user)} if at and user else {}),
        **({"password": _decoded(password)} if colon else {}),
        **({"dbname": _decoded(database)} if database else {}),
        **_query(query),
    }
    return _dsn(given, hosts)


def _query(text: str) -> Parameters:
    """Parses the query as libpq does: a plus sign is not a space, and the last parameter of a name counts."""
    found: Parameters = {}
    for part in filter(None, text.split("&")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(
                "must have a value for each of its parameters: ?sslmode=require&connect_timeout=10"
            )
        found[_decoded(name)] = _decoded(value)
    return found


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("must have UTF-8 in what it percent-encodes") from None
    if "\0" in decoded:
        raise ValueError("must not contain a NUL character")
    return decoded


def _dsn(given: Parameters, authority: str) -> Dsn:
    hosts, port = given.pop("host", None), given.pop("port", None)
    found = _hosts_of_authority(authority) if hosts is None else _hosts_of_parameter(hosts)
    tls, trusts_system = _tls(given)
    dsn = Dsn(
        hosts=_with_ports(found, port),
        user=given.pop("user", None) or None,
        password=given.pop("password", None) or None,
        database=given.pop("dbname", None) or None,
        passfile=given.pop("passfile", None) or None,
        tls=tls,
        trusts_system=trusts_system,
        server_settings=_server_settings(given),
        target_session_attrs=_target(given),
        connect_timeout_seconds=_timeout(given),
        in_random_order=_choice(given, "load_balance_hosts", ("disable", "random")) == "random",
    )
    _refuse_others(given)
    return dsn


def _hosts_of_authority(text: str) -> tuple[Host, ...]:
    return tuple(_host(part) for part in text.split(",")) if text else ()


def _host(text: str) -> Host:
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?", text)
    if bracketed:
        return Host(_decoded(bracketed[1]), _port(bracketed[2]) if bracketed[2] else None)
    name, colon, port = text.partition(":")
    if not name or "[" in name or "]" in name:
        raise ValueError("must have a name or an address for each of its hosts: host1:5432,host2,[::1]:5432")
    return Host(_decoded(name), _port(port) if colon and port else None)


def _hosts_of_parameter(text: str) -> tuple[Host, ...]:
    names = text.split(",") if text else []
    if not all(names):
        raise ValueError("must have a name, an address or a folder for each host: host=one,two")
    return tuple(Host(name, None) for name in names)


def _with_ports(hosts: tuple[Host, ...], parameter: str | None) -> tuple[Host, ...]:
    if not parameter:
        return hosts
    ports = [_port(port) for port in parameter.split(",")]
    if not hosts:
        hosts = (Host("localhost", None),)
    if len(ports) not in (1, len(hosts)):
        raise ValueError("must have one port, or as many as hosts: host=one,two&port=5432,5433")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return tuple(Host(host.name, port) for host, port in zip(hosts, ports, strict=True))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535):
        raise ValueError("must have ports from 1 to 65535")
    return int(text)


def _tls(given: Parameters) -> tuple[Parameters, bool]:
    """Returns the TLS parameters, and whether the system's certificate authorities are trusted."""
    mode = given.pop("sslmode", None)
    if given.get("ssl") == "true":  # The spelling of JDBC, which libpq accepts too.
        del given["ssl"]
        mode = mode or "require"
    if mode is not None and mode not in SSL_MODES:
        raise ValueError(f"must have one of these as its sslmode: {', '.join(SSL_MODES)}")
    tls = {name: given.pop(name) for name in (*_TLS_FILES, "sslpassword") if given.get(name)}
    for name in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        version = _choice(given, name, _TLS_VERSIONS)
        tls.update({name: version} if version else {})
    negotiation = _choice(given, "sslnegotiation", ("postgres", "direct"))
    tls.update({"sslnegotiation": negotiation} if negotiation else {})
    trusts_system = tls.get("sslrootcert") == _SYSTEM
    if trusts_system:
        del tls["sslrootcert"]
        if mode not in (None, "verify-full"):
            raise ValueError("must have sslmode=verify-full with sslrootcert=system")
        mode = "verify-full"
    if negotiation == "direct" and mode not in SSL_MODES[3:]:
        raise ValueError("must have sslmode=require, verify-ca or verify-full with sslnegotiation=direct")
    _require_files(tls)
    if not trusts_system and "sslrootcert" not in tls:
        _require_root(mode or os.environ.get("PGSSLMODE"))
    return {**tls, **({"sslmode": mode} if mode else {})}, trusts_system


def _require_files(tls: Parameters) -> None:
    """Refuses files that cannot be read or used, because every connection would fail."""
    for name in _TLS_FILES:
        path = tls.get(name)
        if path is not None and not (Path(path).is_file() and os.access(path, os.R_OK)):
            raise ValueError(f"must have a file that can be read as its {name}, unlike {path}")
    try:
        if "sslrootcert" in tls:
            ssl.create_default_context(cafile=tls["sslrootcert"])
    except OSError:
        raise ValueError("must have certificates in PEM as its sslrootcert") from None
    try:
        if "sslcert" in tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_cert_chain(tls["sslcert"], tls.get("sslkey"), lambda: tls.get("sslpassword", ""))
    except OSError:
        raise ValueError("must have a certificate and its key in PEM as its sslcert and sslkey") from None


def _require_root(mode: str | None) -> None:
    """Requires libpq's default file of certificate authorities if the server's certificate is to be verified
    and the URL names no file, because every connection would fail without it."""
    if mode not in ("verify-ca", "verify-full"):
        return
    path = os.environ.get("PGSSLROOTCERT") or Path("~/.postgresql/root.crt").expanduser()
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        raise ValueError(
            f"must have sslrootcert=system, or a file of root certificates as its sslrootcert, with"
            f" sslmode={mode}: there is none at {path}"
        ) from None


def _server_settings(given: Parameters) -> Parameters:
    name = given.pop("application_name", None) or given.pop("fallback_application_name", None)
    given.pop("fallback_application_name", None)
    options = given.pop("options", None)
    return {
        **({"application_name": name} if name else {}),
        **({"options": options} if options else {}),
    }


def _target(given: Parameters) -> str:
    target = given.pop("target_session_attrs", None) or os.environ.get("PGTARGETSESSIONATTRS") or "any"
    if target not in ("any", "read-write", "primary"):
        raise ValueError(
            "must have any, read-write or primary as its target_session_attrs: changes need a server that"
            " can be written to"
        )
    return target


def _timeout(given: Parameters) -> float:
    """0 means no limit in libpq; here it means the default timeout."""
    text = given.pop("connect_timeout", None)
    if not text:
        return _DEFAULT_TIMEOUT_SECONDS
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= _MAX_TIMEOUT_SECONDS):
        raise ValueError(f"must have whole seconds up to {_MAX_TIMEOUT_SECONDS:,} as its connect_timeout")
    return float(text) or _DEFAULT_TIMEOUT_SECONDS


def _choice(given: Parameters, name: str, values: tuple[str, ...]) -> str | None:
    value = given.pop(name, None)
    if value and value not in values:
        raise ValueError(f"must have one of these as its {name}: {', '.join(values)}")
    return value or None


_WITHOUT_EFFECT: Mapping[str, Callable[[str], bool]] = {
    "client_encoding": lambda value: value.lower().replace("-", "") in ("utf8", "auto"),
    "channel_binding": lambda value: value in ("disable", "prefer"),
    "gssencmode": lambda value: value in ("disable", "prefer"),
    "sslcompression": lambda value: value == "0",
    "sslsni": lambda value: value == "1",
}
"""Parameters of libpq that are accepted with the values that connections have anyway."""


def _refuse_others(given: Parameters) -> None:
    for name, value in given.items():
        harmless = _WITHOUT_EFFECT.get(name)
        if harmless is None:
            raise ValueError(
                f"must not contain the parameter {_shown(name)}, which is not supported: leave it out"
            )
        if not harmless(value):
            raise ValueError(f"must not contain this value of {name}, which is not supported: leave it out")


def _shown(name: str) -> str:
    """Parameter name for error messages, left out if a mistyped URL may have put a password there."""
    return (
        name if re.fullmatch(r"[a-z_]{1,40}", name) else "whose name has other characters than a to z and _"
    )
