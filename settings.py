"""Every setting, typed, in one place. Each is read from the environment, or from a `.env` file."""

import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from web_urls import base_url, normal_host, normal_origin, normal_url, origin_of, token_link


def _parts(value: object) -> list[str]:
    """Of a comma-separated setting."""
    parts = value.split(",") if isinstance(value, str) else cast("Iterable[str]", value)
    return [part.strip() for part in parts if part.strip()]


def _origin(text: str) -> str:
    try:
        return normal_origin(text)
    except ValueError as error:
        raise ValueError(f"{error} (in {text})") from None


def _host(value: str) -> str:
    """An address to listen on, without brackets."""
    try:
        return normal_host(f"[{value}]" if value.count(":") > 1 and "[" not in value else value).strip("[]")
    except ValueError:
        raise ValueError("must be an IP address or a host name of this machine, without a port") from None


def _postgresql_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must look like postgresql://user:password@host:5432/database")
    return value


def _smtp_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
        raise ValueError(
            "must look like smtp://host:25 (plain), smtp+starttls://user:password@host:587 or smtps://host:465"
        )
    return value


def _ed25519_key(value: str) -> str:
    try:
        key = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError("must be 32 bytes in base64url: 43 characters")
    return value


def _secret_ed25519_key(value: SecretStr) -> SecretStr:
    _ed25519_key(value.get_secret_value())
    return value


# Standard rates of value added tax in the member states of the EU, as of 2026: the European Commission's
# "Taxes in Europe" database.
EU_STANDARD_RATES: Mapping[str, Decimal] = MappingProxyType({
    country: Decimal(percent) / 100
    for country, percent in {
        "AT": "20", "BE": "21", "BG": "20", "CY": "19", "CZ": "21", "DE": "19", "DK": "25", "EE": "24",
        "ES": "21", "FI": "25.5", "FR": "20", "GR": "24", "HR": "25", "HU": "27", "IE": "23", "IT": "22",
        "LT": "21", "LU": "17", "LV": "21", "MT": "18", "NL": "21", "PL": "23", "PT": "23", "RO": "21",
        "SE": "25", "SI": "22", "SK": "23",
    }.items()
})  # fmt: skip


def _tax_rate(country: str, text: str) -> tuple[str, Decimal]:
    try:
        rate = Decimal(text.strip())
    except InvalidOperation:
        rate = Decimal(-1)
    is_country = len(country) == 2 and country.isascii() and country.isupper()
    if not (is_country and 0 <= rate < 1 and rate == round(rate, 4)):
        raise ValueError("must be fractions below 1, each of a country's two letters: CH=0.081,NO=0.25")
    return country, rate


Host = Annotated[str, AfterValidator(_host)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
WebUrl = Annotated[str, AfterValidator(normal_url)]
TokenLink = Annotated[str, AfterValidator(token_link)]
PostgresqlUrl = Annotated[SecretStr, AfterValidator(_postgresql_url)]
SmtpUrl = Annotated[SecretStr, AfterValidator(_smtp_url)]
Ed25519Key = Annotated[str, AfterValidator(_ed25519_key)]
SecretEd25519Key = Annotated[SecretStr, AfterValidator(_secret_ed25519_key)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: PostgresqlUrl | None = Field(
        None, description="PostgreSQL, as the app's role. The embedded PostgreSQL where it is not set."
    )
    migration_database_url: PostgresqlUrl | None = Field(
        None, description="PostgreSQL, as the role that owns the tables: `team-access migrate` uses it."
    )
    smtp_url: SmtpUrl | None = Field(
        None,
        description="Where mail goes: smtp://, smtp+starttls:// or smtps://, with user:password@ if needed."
        " The built-in mailbox where it is not set.",
    )
    mail_from: str = Field(
        "Team access <no-reply@team-access.example>", description="The sender of every email."
    )
    host: Host = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="The port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="How many server processes.")
    public_url: BaseUrl = Field(
        "",
        validate_default=False,
        description="What links in emails start with: http://HOST:PORT by default.",
    )
    app_url: WebUrl = Field(
        "",
        validate_default=False,
        description="Where the join and sign-in pages lead afterwards: GraphiQL by default.",
    )
    join_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of an invitation's link, with {token}: PUBLIC_URL/join/{token} by default.",
    )
    sign_in_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of a sign-in link, with {token}: PUBLIC_URL/sign-in/{token} by default.",
    )
    claim_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of the link that claims an API key, with {token}:"
        " PUBLIC_URL/claim/{token} by default.",
    )
    sign_up: Literal["open", "closed"] = Field(
        "open",
        description="open: the first sign-in of an unknown address makes the person;"
        " closed: only invitations do.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of other sites whose pages may call the API with cookies, comma-separated."
    )
    data_dir: Path = Field(
        Path(".data"), description="Where the embedded database, the mailbox and the theme files live."
    )
    storage_url: str = Field("", description="Where theme files live: DATA_DIR/files by default.")
    seller_country: str = Field(
        "DE", pattern="^[A-Z]{2}$", description="Where whoever sells the licenses is taxed: two letters."
    )
    seller_name: str = Field("Team access", description="Who sells the licenses, as invoices say it.")
    seller_address: str = Field(
        "Example Street 1, 10115 Berlin, Germany", description="Where, on invoices: a line for each comma."
    )
    seller_tax_id: str = Field("", description="The VAT id on invoices; they have none where it is not set.")
    tax_rates: Annotated[dict[str, Decimal], NoDecode] = Field(
        {},
        description="Tax rates by the buyer's country, comma-separated: CH=0.081,NO=0.25."
        " Beside the EU's standard rates, or in their place.",
        validate_default=True,
    )
    audit_signing_key: SecretEd25519Key | None = Field(
        None,
        description="Signs exports of the audit log, and what stands for a pruned part of it: 32 random bytes"
        " in base64url. Without it exports are unsigned, and `audit verify` does not call them verified."
        " Kept in DATA_DIR where it is not set and the embedded PostgreSQL is used.",
    )
    audit_public_key: Ed25519Key | None = Field(
        None,
        description="What such signatures are checked with, where the server is not to have"
        " AUDIT_SIGNING_KEY: `team-access audit public-key` prints it.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="What is logged.")
    log_format: Literal["console", "json"] = Field("console", description="How it is logged.")

    session_lifetime_seconds: int = Field(
        30 * 86_400, ge=60, description="How long a session lives after it was last used."
    )
    sign_in_lifetime_seconds: int = Field(600, ge=1, description="How long a sign-in link works.")
    invitation_lifetime_seconds: int = Field(7 * 86_400, ge=1, description="How long an invitation works.")
    api_key_claim_lifetime_seconds: int = Field(
        7 * 86_400, ge=1, description="How long an API key for somebody else may be claimed."
    )
    download_lifetime_seconds: int = Field(300, ge=1, description="How long a download's link works.")
    sign_in_emails_per_hour: int = Field(
        10,
        ge=1,
        description="Sign-in emails to one address in an hour; then one whenever the last link is over.",
    )
    invitation_emails_per_hour: int = Field(
        10,
        ge=1,
        description="Invitation emails to one address in an hour, of all accounts; more are refused.",
    )
    invitation_emails_per_account_per_day: int = Field(
        50_000, ge=1_000, description="Invitation emails of one account in a day; more are refused."
    )
    rate_limit_per_minute: int = Field(
        30_000,
        ge=0,
        le=10**9,
        description="Requests a minute of one session or API key, which may come all at once; 0: no limit.",
    )
    rate_limit_per_minute_per_address: int = Field(
        6_000,
        ge=0,
        le=10**9,
        description="Requests a minute from one client address without a credential, or with one that is"
        " nobody's; 0: no limit.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks of the proxies in front, comma-separated: 10.0.0.0/8,fd00::/8."
        " Their X-Forwarded-For is believed.",
    )
    mail_timeout_seconds: float = Field(30, gt=0, description="How long the SMTP server may take to answer.")
    mail_retry_hours: float = Field(
        24, gt=0, description="How long an email is tried again while the SMTP server is not to be reached."
    )
    audit_stream_private_addresses: bool = Field(
        False,
        description="Whether webhooks may go to private addresses, and by plain http: for development.",
    )
    audit_stream_timeout_seconds: float = Field(
        15, gt=0, le=300, description="How long a webhook's receiver may take to answer."
    )
    audit_stream_retry_hours: float = Field(
        72, gt=0, description="How long a webhook is tried again before it is paused."
    )
    database_pool_size: int = Field(10, ge=2, le=1000, description="Connections a server process, each way.")
    operation_timeout_seconds: float = Field(10, gt=0, description="How long one operation may take.")
    max_body_bytes: int = Field(256 * 1024, ge=1024, description="Size of a request's body.")
    max_tokens: int = Field(2_000, ge=10, description="Tokens of a document.")
    max_depth: int = Field(15, ge=1, le=100, description="How deep a document's fields nest.")
    max_aliases: int = Field(30, ge=1, description="Aliases and root fields of an operation, each.")
    max_cost: int = Field(10_000, ge=1, description="Cost of an operation: page sizes multiply downwards.")
    max_batch: int = Field(10, ge=1, le=1000, description="Operations of a batch.")
    max_subscriptions: int = Field(20, ge=1, description="Subscriptions of one WebSocket.")

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str) -> str:
        address = value.rpartition("<")[2].removesuffix(">") if value.endswith(">") else value
        try:
            validate_email(address, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise ValueError("must look like Name <address@host.example>") from error
        return value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _allowed_origins(cls, value: object) -> object:
        return tuple(dict.fromkeys(_origin(part) for part in _parts(value)))

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _trusted_proxies(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks = tuple(part.strip() for part in value.split(",") if part.strip())
        for network in networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(
                    "must be addresses or networks such as 10.0.0.0/8, comma-separated"
                ) from error
        return networks

    @field_validator("tax_rates", mode="before")
    @classmethod
    def _tax_rates(cls, value: object) -> object:
        if not isinstance(value, str):
            return {**EU_STANDARD_RATES, **cast("dict[str, Decimal]", value)}
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {**EU_STANDARD_RATES, **dict(_tax_rate(country.strip(), rate) for country, _, rate in pairs)}

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """What is not set follows from what is."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        public_url = self.public_url or base_url(f"http://{host}:{self.port}")
        derived = {
            "public_url": public_url,
            "app_url": f"{public_url}/graphql",
            "join_link": f"{public_url}/join/{{token}}",
            "sign_in_link": f"{public_url}/sign-in/{{token}}",
            "claim_link": f"{public_url}/claim/{{token}}",
            "storage_url": (self.data_dir.resolve() / "files").as_uri(),
        }
        for name, value in derived.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        return self

    @property
    def public_origin(self) -> str:
        return origin_of(self.public_url)

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def load() -> Settings:
    """The settings of this process; ends it with one line a wrong value where one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper() or "SETTINGS"
            message = problem["msg"].removeprefix("Value error, ")
            sys.stderr.write(f"{name}: {message[0].lower()}{message[1:]}\n")
        raise SystemExit(2) from None
