"""Connection strings of PostgreSQL by the rules of libpq, parsed into one typed value."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SYSTEM = "system"
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
_KEEP_ALIVE = {
    "keepalives_idle": ("whole seconds", _MAX_TIMEOUT_SECONDS),
    "keepalives_interval": ("whole seconds", _MAX_TIMEOUT_SECONDS),
    "keepalives_count": ("a number", 100),
    "tcp_user_timeout": ("whole milliseconds", _MAX_TIMEOUT_SECONDS * 1_000),
}
"""Parameters of `KeepAlive`, in its order, with the unit and the maximum of each."""
_DEFAULT_TIMEOUT_SECONDS = 4.0
_DEFAULT_TIMEOUT_OF_SEVERAL_SECONDS = 2.0
"""Timeout for each of several hosts: a request that connects has to reach the second one in time."""


Parameters = dict[str, str]


class KeepAlive(NamedTuple):
    """Options of TCP that end a connection on which nothing arrives. None is the system's default."""

    idle_seconds: int | None = 2
    interval_seconds: int | None = 1
    most_probes: int | None = 3
    unacknowledged_milliseconds: int | None = 5_000
    """Time limit for data that was sent, and for probes."""


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
    keep_alive: KeepAlive | None = KeepAlive()  # noqa: RUF009 - immutable
    """None where TCP sends no probes."""
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
    tls, trusts_system = _tls(given)
    hosts = _hosts(given, authority, tls.get("sslmode"))
    dsn = Dsn(
        hosts=hosts,
        user=given.pop("user", None) or None,
        password=given.pop("password", None) or None,
        database=given.pop("dbname", None) or None,
        passfile=given.pop("passfile", None) or None,
        tls=tls,
        trusts_system=trusts_system,
        server_settings=_server_settings(given),
        target_session_attrs=_target(given, hosts),
        connect_timeout_seconds=_timeout(given, hosts),
        keep_alive=_keep_alive(given),
        in_random_order=_is_random(given),
    )
    _refuse_others(given)
    return dsn


def _hosts(given: Parameters, authority: str, ssl_mode: str | None) -> tuple[Host, ...]:
    addresses, names, port = (given.pop(name, None) for name in ("hostaddr", "host", "port"))
    if names is None and not authority:
        names = os.environ.get("PGHOST")
        port = port or (os.environ.get("PGPORT") if names else None)
    hosts = _hosts_of_authority(authority) if names is None else _hosts_of_parameter(names)
    hosts = _with_ports(hosts, port) if not addresses else hosts
    return _with_addresses(hosts, addresses, port, ssl_mode) if addresses else hosts


def _with_addresses(
    hosts: tuple[Host, ...], addresses: str, port: str | None, ssl_mode: str | None
) -> tuple[Host, ...]:
    """The addresses in place of the names, which libpq needs for certificates alone."""
    try:
        found = tuple(Host(str(ip_address(each)), None) for each in addresses.split(","))
    except ValueError:
        raise ValueError("must have IP addresses as its hostaddr: hostaddr=192.0.2.1,192.0.2.2") from None
    if hosts and len(hosts) != len(found):
        raise ValueError("must have as many addresses as hosts: host=one,two hostaddr=192.0.2.1,192.0.2.2")
    if _mode_of(ssl_mode) == "verify-full":
        raise ValueError("must have no hostaddr with sslmode=verify-full: certificates have the host's name")
    ports = [host.port for host in hosts] or [None] * len(found)
    named = tuple(Host(host.name, own) for host, own in zip(found, ports, strict=True))
    return _with_ports(named, port)


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
    """The hosts with their ports; an empty one is the default."""
    if not parameter:
        return hosts
    ports = [_port(port) if port else None for port in parameter.split(",")]
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
        _require_root(_mode_of(mode))
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


def _mode_of(mode: str | None) -> str | None:
    """The `sslmode` that counts where a connection string has this one."""
    return mode or os.environ.get("PGSSLMODE")


def _choice(given: Parameters, name: str, values: tuple[str, ...]) -> str | None:
    value = given.pop(name, None)
    if value and value not in values:
        raise ValueError(f"must have one of these as its {name}: {', '.join(values)}")
    return value or None


def _server_settings(given: Parameters) -> Parameters:
    name = given.pop("application_name", None) or given.pop("fallback_application_name", None)
    given.pop("fallback_application_name", None)
    options = given.pop("options", None)
    return {
        **({"application_name": name} if name else {}),
        **({"options": options} if options else {}),
    }


def _target(given: Parameters, hosts: tuple[Host, ...]) -> str:
    """One of several hosts may be a standby, so that without the parameter one is sought that can be written
    to. libpq takes any."""
    target = given.pop("target_session_attrs", None) or os.environ.get("PGTARGETSESSIONATTRS")
    if target and target not in ("any", "read-write", "primary"):
        raise ValueError(
            "must have any, read-write or primary as its target_session_attrs: changes need a server that"
            " can be written to"
        )
    return target or ("read-write" if len(hosts) > 1 else "any")


def _timeout(given: Parameters, hosts: tuple[Host, ...]) -> float:
    """0 means no limit in libpq; here it means the default timeout."""
    text = given.pop("connect_timeout", None) or os.environ.get("PGCONNECT_TIMEOUT")
    seconds = _number("connect_timeout", text, "whole seconds") if text else 0
    return float(seconds) or (
        _DEFAULT_TIMEOUT_OF_SEVERAL_SECONDS if len(hosts) > 1 else _DEFAULT_TIMEOUT_SECONDS
    )


def _keep_alive(given: Parameters) -> KeepAlive | None:
    """Returns the options of TCP. 0 is the default of the system, as in libpq."""
    is_on = _choice(given, "keepalives", ("0", "1")) != "0"
    values = [given.pop(name, None) or None for name in _KEEP_ALIVE]
    found = [
        default if value is None else _number(name, value, unit, most) or None
        for (name, (unit, most)), value, default in zip(_KEEP_ALIVE.items(), values, KeepAlive(), strict=True)
    ]
    return KeepAlive(*found) if is_on else None


def _number(name: str, text: str, unit: str, most: int = _MAX_TIMEOUT_SECONDS) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
        raise ValueError(f"must have {unit} up to {most:,} as its {name}")
    return int(text)


def _is_random(given: Parameters) -> bool:
    given.setdefault("load_balance_hosts", os.environ.get("PGLOADBALANCEHOSTS", ""))
    return _choice(given, "load_balance_hosts", ("disable", "random")) == "random"


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
