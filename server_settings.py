"""Settings of the server and of the services it uses. `settings.py` adds lifetimes and limits to them."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

import postgresql_dsn
from setting_types import (
    AddressLines,
    Country,
    Ed25519Key,
    Ed25519Keys,
    Folder,
    Host,
    Hosts,
    LowerCase,
    MetricsToken,
    OneLine,
    Origin,
    Origins,
    Port,
    SecretEd25519Key,
    Sender,
    SmtpUrl,
    StorageUrl,
    TokenLink,
    WebUrl,
    parts_of,
    tax_rate,
)


def _postgresql_url(value: SecretStr) -> SecretStr:
    postgresql_dsn.parse(value.get_secret_value())
    return value


# Standard rates of value added tax in the member states of the EU, as of 2026. Source: the European
# Commission's "Taxes in Europe" database.
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
    """The EU's standard rates, with additions and replacements from the setting."""
    if isinstance(value, dict):
        return {**EU_STANDARD_RATES, **value}
    rates = [tax_rate(part) for part in parts_of(value)]
    if len(dict(rates)) < len(rates):
        raise ValueError("must have at most one rate per country")
    return {**EU_STANDARD_RATES, **dict(rates)}


class ServerSettings(BaseSettings):
    """The first group of settings."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: PostgresqlUrl | None = Field(
        None, description="URL of PostgreSQL with the app's role. If unset, the embedded PostgreSQL is used."
    )
    migration_database_url: PostgresqlUrl | None = Field(
        None, description="URL of PostgreSQL with the role that owns the tables, for `team-access migrate`."
    )
    smtp_url: SmtpUrl | None = Field(
        None,
        description="URL of the SMTP server: smtp://, smtp+starttls:// or smtps://, with user:password@ if"
        " needed. If unset, the built-in mailbox is used.",
    )
    mail_from: Sender = Field(
        "Team access <no-reply@team-access.example>", description="Sender of all emails."
    )
    host: Host = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(8000, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Number of server processes.")
    public_url: Origin = Field(
        "",
        validate_default=False,
        description="URL of this server without a path, with which the links in emails begin. Default:"
        " http://HOST:PORT.",
    )
    app_url: WebUrl = Field(
        "",
        validate_default=False,
        description="URL to which the join and sign-in pages redirect afterwards. Default: the console;"
        " GraphiQL where CONSOLE is off.",
    )
    console: Annotated[Literal["on", "off"], LowerCase] = Field(
        "on", description="Whether the console, a single-page app, is served at /."
    )
    join_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of invitation links, with {token}. Default: PUBLIC_URL/join/{token}.",
    )
    sign_in_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of sign-in links, with {token}. Default: PUBLIC_URL/sign-in/{token}.",
    )
    claim_link: TokenLink = Field(
        "",
        validate_default=False,
        description="Template of links to claim an API key, with {token}. Default: PUBLIC_URL/claim/{token}.",
    )
    sign_up: Annotated[Literal["open", "closed"], LowerCase] = Field(
        "open",
        description="open: anybody can sign in, and a user is created for an unknown address;"
        " closed: users are created only by invitations.",
    )
    allowed_origins: Origins = Field(
        (), description="Origins of other sites whose pages may call the API with cookies, comma-separated."
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Host names of this server in addition to that of PUBLIC_URL, comma-separated."
        " Requests for other hosts are refused with status 421, except for /health, /livez and /readyz.",
    )
    data_dir: Folder = Field(
        Path(".data"),
        description="Folder of the embedded database, the mailbox, the theme files, and reports while they"
        " are sent.",
    )
    storage_url: StorageUrl = Field(
        "", validate_default=False, description="URL of the storage for theme files. Default: DATA_DIR/files."
    )
    seller_country: Country = Field(
        "DE", description="Country in which the seller of the licenses is taxed: two letters of ISO 3166-1."
    )
    seller_name: OneLine = Field("Team access", description="Name of the seller on invoices.")
    seller_address: AddressLines = Field(
        "Example Street 1, 10115 Berlin, Germany",
        description="Address of the seller on invoices. Commas separate its lines.",
    )
    seller_tax_id: OneLine = Field(
        "", description="VAT id of the seller on invoices. If unset, invoices have none."
    )
    tax_rates: Annotated[dict[str, Decimal], NoDecode, BeforeValidator(_tax_rates)] = Field(
        {},
        description="Tax rates by the buyer's country as fractions, comma-separated: CH=0.081,NO=0.25."
        " They add to the EU's standard rates or replace them.",
        validate_default=True,
    )
    audit_signing_key: SecretEd25519Key | None = Field(
        None,
        description="Ed25519 key that signs exports and prunings of the audit log: 32 random bytes in"
        " base64url. If unset, exports are unsigned and `audit verify` does not report them as"
        " verified; with the embedded PostgreSQL, a key is generated and stored in DATA_DIR.",
    )
    audit_public_key: Ed25519Key | None = Field(
        None,
        description="Public key of AUDIT_SIGNING_KEY, for checking signatures without it:"
        " `team-access audit public-key` prints it.",
    )
    audit_retired_keys: Ed25519Keys = Field(
        (),
        description="Public keys of earlier values of AUDIT_SIGNING_KEY, comma-separated. What they have"
        " signed is still verified: exports, and the events that represent pruned parts of a log.",
    )
    license_signing_key: SecretEd25519Key | None = Field(
        None,
        description="Ed25519 key that signs answers to license checks, and certificates of licenses: 32"
        " random bytes in base64url. If unset, the answers have no `token`, and no certificates are issued;"
        " with the embedded PostgreSQL, a key is generated and stored in DATA_DIR.",
    )
    license_retired_keys: Ed25519Keys = Field(
        (),
        description="Public keys of earlier values of LICENSE_SIGNING_KEY, comma-separated, which"
        " `/.well-known/jwks.json` still lists: until the last certificate that the key signed has ended, 366"
        " days after the key was replaced at the latest, and for 14 days where no certificates were issued.",
    )
    license_staging_hosts: Hosts = Field(
        (),
        description="Host names, comma-separated, on which every license may be tried without using another"
        " one, such as `preview.example`. Their subdomains are included.",
    )
    metrics_port: Port | None = Field(
        None,
        description="Port on which `serve` and `worker` answer Prometheus at /metrics. If unset, there are no"
        " metrics. Each command of a machine needs a port of its own.",
    )
    metrics_host: Host = Field(
        "127.0.0.1",
        description="Address to listen on for Prometheus. Beyond this machine METRICS_TOKEN is required.",
    )
    metrics_token: MetricsToken | None = Field(
        None,
        description="Bearer token that Prometheus has to send: at least 32 letters, digits and other visible"
        " ASCII characters.",
    )
    access_log: Annotated[Literal["on", "off"], LowerCase] = Field(
        "off", description="Whether the log has a line for each GraphQL operation, whatever LOG_LEVEL is."
    )
    security_log: Annotated[Literal["on", "off"], LowerCase] = Field(
        "on",
        description="Whether the log has a line for each authentication event and each missing permission,"
        " whatever LOG_LEVEL is.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], LowerCase] = Field(
        "warning", description="Lowest level of the messages that are logged."
    )
    log_format: Annotated[Literal["console", "json"], LowerCase] = Field(
        "console", description="Format of the log: text for people, or one JSON object per line."
    )
