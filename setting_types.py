"""Types of settings. Each parses a value of the environment, normalises it, and refuses an invalid one with a
message that says what would be valid."""

import re
import unicodedata
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable
from decimal import Decimal
from email.headerregistry import Address
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from countries import COUNTRIES
from web_urls import normal_authority, normal_host, normal_origin, normal_url, token_link

_REDIS_SCHEMES = ("redis", "rediss")
_SMTP_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_STORAGE_SCHEMES = ("s3", "gs", "az")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_RATE = re.compile(r"0(\.[0-9]{1,4})?|\.[0-9]{1,4}")
_TEN_YEARS_SECONDS = 10 * 365 * 86_400
_TEN_YEARS_HOURS = 10 * 365 * 24
_MILLION = 1_000_000
_LEAST_OF_A_TOKEN = 32
_MOST_OF_A_SENDER_NAME = 200
"""A longer one without spaces makes a line that SMTP servers refuse (RFC 5321, 4.5.3.1.6)."""


def clean_text(value: Any) -> Any:
    """Strips white space from the value of any setting. Refuses control characters."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("must be UTF-8 text without control characters or line breaks")
    return text


def parts_of(value: object) -> list[str]:
    """Parts of a comma-separated setting."""
    parts = value.split(",") if isinstance(value, str) else cast("Iterable[str]", value)
    return [part.strip() for part in parts if part.strip()]


def each(normalise: Callable[[str], str]) -> Callable[[object], tuple[str, ...]]:
    """Returns a parser of a comma-separated setting that normalises its parts and drops duplicates."""

    def normalised(value: object) -> tuple[str, ...]:
        values: dict[str, None] = {}
        for part in parts_of(value):
            try:
                values[normalise(part)] = None
            except ValueError as error:
                raise ValueError(f"{error} (in {part})") from None
        return tuple(values)

    return normalised


def _host(value: str) -> str:
    try:
        return normal_host(f"[{value}]" if value.count(":") > 1 and "[" not in value else value).strip("[]")
    except ValueError:
        raise ValueError("must be an IP address or a host name of this machine, without a port") from None


def _host_name(text: str) -> str:
    try:
        return normal_host(f"[{text}]" if text.count(":") > 1 and "[" not in text else text).strip("[]")
    except ValueError:
        raise ValueError("must be host names or IP addresses without a port, comma-separated") from None


def _network(text: str) -> str:
    """Converts networks of IPv4-mapped IPv6 addresses to IPv4."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.0/8") from None
    address = text.partition("/")[0]
    if ip_network(address) != ip_network(network.network_address):
        raise ValueError(f"must have no bits beyond the network's: write {network}")
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return str(ip_network((mapped, network.prefixlen - 96)))
    return str(network)


def _smtp_url(value: SecretStr) -> SecretStr:
    """The error messages contain nothing of the URL, because it holds a password."""
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _SMTP_SCHEMES or not parts.hostname:
        raise ValueError(
            "must look like smtp://host:25 (plain), smtp+starttls://user:password@host:587 or smtps://host:465"
        )
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError(
            "must end after its host and port; write %2F, %3F and %23 for /, ? and # in a password"
        )
    credentials = _smtp_credentials(parts)
    host = normal_authority(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if parts.port is None:
        host = f"{host}:{_SMTP_SCHEMES[parts.scheme]}"
    return SecretStr(f"{parts.scheme}://{credentials}{host}")


def _redis_url(value: SecretStr) -> SecretStr:
    """The error messages contain nothing of the URL, because it holds a password."""
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        database, _ = parts.path.lstrip("/"), parts.port
    except ValueError:
        parts, database = SplitResult("", "", "", "", ""), ""
    is_socket = parts.scheme == "unix" and bool(database) and not parts.hostname
    is_network = parts.scheme in _REDIS_SCHEMES and bool(parts.hostname) and not database.strip("0123456789")
    if not (is_socket or is_network) or "?" in text or "#" in text:
        raise ValueError(
            "must look like redis://host:6379/0, rediss://user:password@host:6379/0 (TLS) or"
            " unix:///folder/socket; write %2F, %3F and %23 for /, ? and # in a password"
        )
    return value


def _smtp_credentials(parts: SplitResult) -> str:
    before, at, _ = parts.netloc.rpartition("@")
    if not at:
        return ""
    user, _, password = before.partition(":")
    if not (user and password):
        raise ValueError("must have both a user name and a password before the @, or neither")
    try:
        decoded = [unquote(each, errors="strict") for each in (user, password)]
    except UnicodeDecodeError:
        decoded = ["\0"]
    if any(unicodedata.category(character) == "Cc" for each in decoded for character in each):
        raise ValueError("must have UTF-8 without control characters as its user name and password")
    return ":".join(quote(each, safe="") for each in decoded) + "@"


def _mail_from(text: str) -> str:
    """Normalises to the form of a From header: `"Acme, Inc." <no-reply@acme.example>`."""
    name, address = _mailbox(text)
    if len(name) > _MOST_OF_A_SENDER_NAME:
        raise ValueError(f"must have a name of at most {_MOST_OF_A_SENDER_NAME} characters")
    try:
        # Strict: at most 64 bytes before the @ (RFC 5321, 4.5.3.1.1).
        checked = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        raise ValueError("must look like Name <address@host.example>") from None
    if checked.ascii_email is None:
        raise ValueError(
            "must have an address whose part before the @ is ASCII: not every server accepts others"
        )
    return str(Address(display_name=name, addr_spec=checked.ascii_email))


def _mailbox(text: str) -> tuple[str, str]:
    """Splits into the display name, with or without quotes, and the address."""
    name, bracket, address = text.rpartition("<")
    if not bracket:
        return "", text
    name = name.strip()
    quoted = _QUOTED.fullmatch(name)
    if not address.endswith(">") or (quoted is None and (name.startswith('"') or set(name) & set("<>"))):
        raise ValueError("must look like Name <address@host.example>")
    if quoted is not None:
        name = _ESCAPED.sub(r"\1", quoted[1])
    return name, address.removesuffix(">").strip()


def _storage_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must not contain ?, # or a user name: credentials come from the environment")
    is_folder = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/")
    if not is_folder and not (parts.scheme in _STORAGE_SCHEMES and parts.netloc):
        raise ValueError(
            "must be file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix"
        )
    return text


def _metrics_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < _LEAST_OF_A_TOKEN or not all("!" <= character <= "~" for character in text):
        raise ValueError(f"must have at least {_LEAST_OF_A_TOKEN} visible ASCII characters, without spaces")
    return value


def _folder(path: Path) -> Path:
    return path.expanduser()


def _ed25519_key(text: str) -> str:
    """Removes the padding, so that keys can be compared as text."""
    text = text.rstrip("=")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != 32 or "+" in text or "/" in text:
        raise ValueError("must be 32 bytes in base64url: 43 characters")
    return text


def _secret_ed25519_key(value: SecretStr) -> SecretStr:
    return SecretStr(_ed25519_key(value.get_secret_value()))


def public_key_of(signing_key: str) -> str:
    """Public key of a signing key. Both are in base64url."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = urlsafe_b64decode(signing_key + "=" * (-len(signing_key) % 4))
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return urlsafe_b64encode(public).decode().rstrip("=")


def tax_rate(text: str) -> tuple[str, Decimal]:
    """Parses `CH=0.081`."""
    country, _, rate = (part.strip() for part in text.partition("="))
    if not (_RATE.fullmatch(rate) and country.isascii() and country.isalpha() and len(country) == 2):
        raise ValueError("must be country codes with fractions below 1: CH=0.081,NO=0.25")
    return _country(country), Decimal(rate)


def _country(text: str) -> str:
    country = text.upper()
    if country not in COUNTRIES:
        raise ValueError(
            f"must be a country code of ISO 3166-1 with two letters, such as DE or GB: {text} is not one"
        )
    return country


def _address_line(text: str) -> str:
    if not parts_of(text):
        raise ValueError("must have at least one line: Example Street 1, 10115 Berlin, Germany")
    return text


Host = Annotated[str, AfterValidator(_host)]
Origin = Annotated[str, AfterValidator(normal_origin)]
WebUrl = Annotated[str, AfterValidator(normal_url)]
TokenLink = Annotated[str, AfterValidator(token_link)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp_url)]
StorageUrl = Annotated[str, AfterValidator(_storage_url)]
Sender = Annotated[str, AfterValidator(_mail_from)]
MetricsToken = Annotated[SecretStr, AfterValidator(_metrics_token)]
Folder = Annotated[Path, AfterValidator(_folder)]
Country = Annotated[str, AfterValidator(_country)]
Files = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(parts_of)]
Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(each(_host_name))]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(each(normal_origin))]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(each(_network))]
Ed25519Key = Annotated[str, AfterValidator(_ed25519_key)]
Ed25519Keys = Annotated[tuple[str, ...], NoDecode, BeforeValidator(each(_ed25519_key))]
SecretEd25519Key = Annotated[SecretStr, AfterValidator(_secret_ed25519_key)]
LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
Documents = Annotated[Literal["any", "persisted"], LowerCase]
Port = Annotated[int, Field(ge=1, le=65535)]
OneLine = Annotated[str, Field(max_length=200)]
AddressLines = Annotated[str, Field(max_length=500), AfterValidator(_address_line)]
# The limits keep sums of times and counts within the range of Python's and PostgreSQL's types.
Seconds = Annotated[int, Field(ge=1, le=_TEN_YEARS_SECONDS)]
Timeout = Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, le=_TEN_YEARS_HOURS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=_MILLION)]
