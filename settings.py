"""Every setting, typed, in one place. Each is read from the environment, or from a `.env` file."""

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

import postgresql_dsn
from setting_types import (
    AddressLines,
    BaseUrl,
    Count,
    Country,
    Ed25519Key,
    Folder,
    Host,
    Hosts,
    Hours,
    LowerCase,
    Networks,
    OneLine,
    Origins,
    Seconds,
    SecretEd25519Key,
    Sender,
    SmtpUrl,
    StorageUrl,
    Timeout,
    TokenLink,
    WebUrl,
    clean_text,
    parts_of,
    public_key_of,
    tax_rate,
)
from web_urls import base_url, origin_of


def _postgresql_url(value: SecretStr) -> SecretStr:
    postgresql_dsn.parse(value.get_secret_value())
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


PostgresqlUrl = Annotated[SecretStr, AfterValidator(_postgresql_url)]


def _tax_rates(value: object) -> dict[str, Decimal]:
    """The EU's standard rates, and those that are set beside them or in their place."""
    if isinstance(value, dict):
        return {**EU_STANDARD_RATES, **value}
    rates = [tax_rate(part) for part in parts_of(value)]
    if len(dict(rates)) < len(rates):
        raise ValueError("must have one rate for each country")
    return {**EU_STANDARD_RATES, **dict(rates)}


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
    mail_from: Sender = Field(
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
    sign_up: Annotated[Literal["open", "closed"], LowerCase] = Field(
        "open",
        description="open: the first sign-in of an unknown address makes the person;"
        " closed: only invitations do.",
    )
    allowed_origins: Origins = Field(
        (), description="Origins of other sites whose pages may call the API with cookies, comma-separated."
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Host names beside that of PUBLIC_URL that this server is reached by, comma-separated."
        " Requests for others are refused (421), but for /health.",
    )
    data_dir: Folder = Field(
        Path(".data"),
        description="Where the embedded database, the mailbox and the theme files live, and reports while"
        " they are sent.",
    )
    storage_url: StorageUrl = Field(
        "", validate_default=False, description="Where theme files live: DATA_DIR/files by default."
    )
    seller_country: Country = Field(
        "DE", description="Where whoever sells the licenses is taxed: two letters."
    )
    seller_name: OneLine = Field("Team access", description="Who sells the licenses, as invoices say it.")
    seller_address: AddressLines = Field(
        "Example Street 1, 10115 Berlin, Germany", description="Where, on invoices: a line for each comma."
    )
    seller_tax_id: OneLine = Field(
        "", description="The VAT id on invoices; they have none where it is not set."
    )
    tax_rates: Annotated[dict[str, Decimal], NoDecode, BeforeValidator(_tax_rates)] = Field(
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
    log_level: Annotated[Literal["debug", "info", "warning", "error"], LowerCase] = Field(
        "warning", description="What is logged."
    )
    log_format: Annotated[Literal["console", "json"], LowerCase] = Field(
        "console", description="How it is logged."
    )

    session_lifetime_seconds: Seconds = Field(
        30 * 86_400, ge=60, description="How long a session lives after it was last used."
    )
    sign_in_lifetime_seconds: Seconds = Field(600, ge=1, description="How long a sign-in link works.")
    invitation_lifetime_seconds: Seconds = Field(
        7 * 86_400, ge=1, description="How long an invitation works."
    )
    api_key_claim_lifetime_seconds: Seconds = Field(
        7 * 86_400, ge=1, description="How long an API key for somebody else may be claimed."
    )
    download_lifetime_seconds: Seconds = Field(300, ge=1, description="How long a download's link works.")
    report_max_bytes: int = Field(
        2**30,
        ge=2**20,
        le=2**40,
        description="Size of a report as CSV or NDJSON; larger ones are refused, or cut off.",
    )
    report_spool_bytes: int = Field(
        4 * 2**30,
        ge=2**20,
        le=2**50,
        description="Disk space for reports while they are sent, in DATA_DIR, of each server process.",
    )
    sign_in_emails_per_hour: Count = Field(
        10,
        ge=1,
        description="Sign-in emails to one address in an hour; then one whenever the last link is over.",
    )
    invitation_emails_per_hour: Count = Field(
        10,
        ge=1,
        description="Invitation emails to one address in an hour, of all accounts; more are refused.",
    )
    invitation_emails_per_account_per_day: int = Field(
        50_000,
        ge=1_000,
        le=10**9,
        description="Invitation emails of one account in a day, and of one person in all accounts.",
    )
    invitation_emails_of_a_new_account: int = Field(
        50,
        ge=1,
        le=10**9,
        description="Those on the first day of an account that its owner created, doubled each day: enough"
        " for a team, too few for spam. No limit once it paid an invoice or was granted licenses.",
    )
    sign_in_emails_per_client_per_hour: int = Field(
        100,
        ge=1,
        le=10**9,
        description="Sign-in emails that one client address asks for in an hour: enough for an office.",
    )
    api_key_emails_per_hour: int = Field(
        20,
        ge=1,
        le=10**9,
        description="Emails with an API key to claim, to one member of an account in an hour.",
    )
    accounts_per_person_per_day: int = Field(
        5,
        ge=1,
        le=10**9,
        description="Accounts that one person creates in a day: agencies need several, nobody many.",
    )
    accounts_per_person: int = Field(
        100, ge=1, le=10**9, description="Accounts that one person may own and still create another one."
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
    trusted_proxies: Networks = Field(
        (),
        description="Networks of the proxies in front, comma-separated: 10.0.0.0/8,fd00::/8."
        " Their X-Forwarded-For is believed.",
    )
    mail_timeout_seconds: Timeout = Field(
        30, gt=0, description="How long the SMTP server may take to answer."
    )
    mail_retry_hours: Hours = Field(
        24, gt=0, description="How long an email is tried again while the SMTP server is not to be reached."
    )
    audit_stream_private_addresses: bool = Field(
        False,
        description="Whether webhooks may go to private addresses, and by plain http: for development.",
    )
    audit_stream_timeout_seconds: Timeout = Field(
        15, gt=0, le=300, description="How long a webhook's receiver may take to answer."
    )
    audit_stream_retry_hours: Hours = Field(
        72, gt=0, description="How long a webhook is tried again before it is paused."
    )
    database_pool_size: int = Field(10, ge=2, le=1000, description="Connections a server process, each way.")
    operation_timeout_seconds: Timeout = Field(10, gt=0, description="How long one operation may take.")
    max_body_bytes: int = Field(
        256 * 1024,
        ge=1024,
        le=1 << 30,
        description="Size of a request's body, and of a WebSocket message. All bodies that are coming in to a"
        " server process have 64 times as much together, and at least 64 MiB.",
    )
    max_tokens: Count = Field(2_000, ge=10, description="Tokens of a document.")
    max_depth: int = Field(15, ge=1, le=100, description="How deep a document's fields nest.")
    max_aliases: Count = Field(30, ge=1, description="Aliases and root fields of an operation, each.")
    max_cost: int = Field(
        10_000, ge=1, le=10**9, description="Cost of an operation: page sizes multiply downwards."
    )
    max_batch: int = Field(10, ge=1, le=1000, description="Operations of a batch.")
    max_subscriptions: Count = Field(20, ge=1, description="Subscriptions of one WebSocket.")
    max_connections: int = Field(
        4_096,
        ge=16,
        le=60_000,
        description="Open connections of one server process. When it is reached, those that have waited"
        " longest for their clients are closed for new ones, as are those whose answers have waited for 10"
        " seconds to be taken in.",
    )
    max_connections_per_address: int = Field(
        512,
        ge=4,
        le=60_000,
        description="Open connections from one client address, of one server process; of a trusted proxy"
        " there is no such limit.",
    )
    header_timeout_seconds: Timeout = Field(
        10, gt=0, le=600, description="How long a request's header may take to arrive."
    )
    body_timeout_seconds: Timeout = Field(
        10,
        gt=0,
        le=600,
        description="How long a request's body may take to arrive, beside the time that it needs at"
        " MIN_BODY_BYTES_PER_SECOND.",
    )
    min_body_bytes_per_second: int = Field(
        4_096,
        ge=1,
        le=1 << 30,
        description="How slowly a request's body may come in, and an answer be taken in.",
    )
    send_timeout_seconds: Timeout = Field(
        60,
        gt=0,
        le=3600,
        description="How long a client may take in nothing of an answer, beside the time that it needs at"
        " MIN_BODY_BYTES_PER_SECOND.",
    )
    keep_alive_seconds: Timeout = Field(
        75,
        gt=0,
        le=3600,
        description="How long a connection may stay open between two requests: longer than a proxy in front"
        " keeps it, or requests that it sends at that moment fail.",
    )
    max_header_bytes: int = Field(32 * 1024, ge=4_096, le=1 << 20, description="Size of a request's header.")
    max_pipelined_requests: int = Field(
        16, ge=1, le=1000, description="Requests that may wait for their answers on one connection."
    )
    max_websocket_fragments: Count = Field(
        1_024, ge=1, description="Fragments of a WebSocket message; its size is limited by MAX_BODY_BYTES."
    )
    max_websocket_bytes_without_credential: int = Field(
        16 * 1024,
        ge=1024,
        le=1 << 30,
        description="Size of a WebSocket message before the client has shown a credential.",
    )
    max_websockets_without_credential: Count = Field(
        1_000,
        ge=1,
        description="WebSockets of one server process whose clients have shown no credential. When it is"
        " reached, the oldest of them are closed for new ones.",
    )
    max_websockets_without_credential_per_address: Count = Field(
        250, ge=1, description="The same from one client address; more are refused."
    )
    max_websockets_per_credential: Count = Field(
        100, ge=1, description="WebSockets of one session or API key, of one server process."
    )
    websocket_init_seconds: Timeout = Field(
        10,
        gt=0,
        le=600,
        description="How long a WebSocket's client may take to send `connection_init`.",
    )
    websocket_ping_seconds: Timeout = Field(
        20, gt=0, le=3600, description="How often a ping is sent on a WebSocket."
    )
    websocket_pong_seconds: Timeout = Field(
        20, gt=0, le=3600, description="How long a WebSocket's client may take to answer a ping."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return clean_text(value)

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

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        if self.audit_signing_key is None or self.audit_public_key is None:
            return self
        if public_key_of(self.audit_signing_key.get_secret_value()) != self.audit_public_key:
            raise ValueError(
                "AUDIT_PUBLIC_KEY must be that of AUDIT_SIGNING_KEY: leave it out where both are set"
            )
        return self

    @property
    def public_origin(self) -> str:
        return origin_of(self.public_url)

    @property
    def session_cookie(self) -> str:
        """Under https with the prefix that keeps other hosts of the same domain from setting it."""
        return f"{self.cookie_prefix}ta_session"

    @property
    def cookie_prefix(self) -> str:
        return "__Host-" if self.secure_cookies else ""

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def load() -> Settings:
    """The settings of this process; ends it with one line a wrong value where one is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            message = f"{name}: {message[0].lower()}{message[1:]}" if name else message
            sys.stderr.write(f"{message}\n")
    except (OSError, UnicodeDecodeError):
        sys.stderr.write(".env: must be a file in UTF-8 that this process may read.\n")
    raise SystemExit(2) from None
