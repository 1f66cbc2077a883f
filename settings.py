"""Settings of the application, read from environment variables or a `.env` file."""

import sys
from typing import Any, Self

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from server_settings import ServerSettings
from setting_types import (
    Count,
    Documents,
    Files,
    Hours,
    Networks,
    RedisUrl,
    Seconds,
    Timeout,
    clean_text,
    public_key_of,
)
from web_urls import is_of_this_machine, normal_origin


class Settings(ServerSettings):
    """All settings."""

    session_lifetime_seconds: Seconds = Field(
        30 * 86_400, ge=60, description="Lifetime of a session after its last use."
    )
    session_max_lifetime_seconds: Seconds = Field(
        90 * 86_400,
        ge=60,
        description="Lifetime of a session after the sign-in, however much it is used. Applies to sessions"
        " that begin after it is set.",
    )
    sign_in_lifetime_seconds: Seconds = Field(600, ge=1, description="Lifetime of a sign-in link.")
    invitation_lifetime_seconds: Seconds = Field(7 * 86_400, ge=1, description="Lifetime of an invitation.")
    api_key_claim_lifetime_seconds: Seconds = Field(
        7 * 86_400, ge=1, description="Time in which a member can claim an API key that was generated for it."
    )
    download_lifetime_seconds: Seconds = Field(300, ge=1, description="Lifetime of a download link.")
    report_max_bytes: int = Field(
        2**30,
        ge=2**20,
        le=2**40,
        description="Maximum size of a report as CSV or NDJSON. Larger ones are refused or cut off.",
    )
    report_spool_bytes: int = Field(
        4 * 2**30,
        ge=2**20,
        le=2**50,
        description="Maximum disk space in DATA_DIR for reports while they are sent, per server process.",
    )
    sign_in_emails_per_hour: Count = Field(
        10,
        ge=1,
        description="Sign-in emails to one address per hour. After that, one is sent only once the previous"
        " link has expired.",
    )
    invitation_emails_per_hour: Count = Field(
        10,
        ge=1,
        description="Invitation emails to one address per hour, from all accounts. More are refused.",
    )
    invitation_emails_per_account_per_day: int = Field(
        50_000,
        ge=1_000,
        le=10**9,
        description="Invitation emails per day from one account, and from one person in all accounts.",
    )
    invitation_emails_of_a_new_account: int = Field(
        50,
        ge=1,
        le=10**9,
        description="Invitation emails on the first day of an account that its owner created, doubled"
        " each day, to prevent spam. The limit ends once the account has paid an invoice or"
        " was granted licenses.",
    )
    sign_in_emails_per_client_per_hour: int = Field(
        100,
        ge=1,
        le=10**9,
        description="Sign-in emails that one client address can request per hour.",
    )
    api_key_emails_per_hour: int = Field(
        20,
        ge=1,
        le=10**9,
        description="Emails with an API key to claim, to one member of an account per hour; and as many about"
        " keys that the member generates or rotates itself, of which more are not sent.",
    )
    access_emails_per_hour: int = Field(
        60,
        ge=1,
        le=10**9,
        description="Emails about changes of the role, the limits, the end of access and the licenses of one"
        " member of an account per hour; as many about its API keys that expire or that it does not use; as"
        " many reminders of ends of access; and, to an Admin, as many about leaked keys of others. More are"
        " not sent. Removals, revocations and transfers of ownership have no limit.",
    )
    invoice_emails_per_hour: int = Field(
        20,
        ge=1,
        le=10**9,
        description="Invoice emails to the billing address of an account per hour, in addition to those to"
        " the owner. Accounts that have neither paid an invoice nor been granted licenses share"
        " the limit of an address. More are not sent.",
    )
    accounts_per_person_per_day: int = Field(
        5,
        ge=1,
        le=10**9,
        description="Accounts that one person can create per day.",
    )
    accounts_per_person: int = Field(
        100,
        ge=1,
        le=10**9,
        description="Number of owned accounts from which on a person cannot create another one.",
    )
    rate_limit_per_minute: int = Field(
        30_000,
        ge=0,
        le=10**9,
        description="Requests per minute with one session or API key, in a burst or evenly. 0: no limit.",
    )
    rate_limit_per_minute_per_address: int = Field(
        6_000,
        ge=0,
        le=10**9,
        description="Requests per minute from one client address without a credential, or with an unknown"
        " one. 0: no limit.",
    )
    rate_limit_url: RedisUrl | None = Field(
        None,
        description="URL of a server with the Redis protocol, such as Valkey, through which several servers"
        " share these limits: redis://, rediss:// (TLS) or unix://, with user:password@ if needed. If unset,"
        " or while it cannot be reached, each server counts for itself.",
    )
    license_checks_per_minute: int = Field(
        60,
        ge=0,
        le=10**9,
        description="Requests of installed themes per minute with one license key. 0: no limit.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of reverse proxies whose X-Forwarded-For is trusted, comma-separated:"
        " 10.0.0.0/8,fd00::/8.",
    )
    mail_timeout_seconds: Timeout = Field(
        30, gt=0, description="Time that the SMTP server has for each response."
    )
    mail_retry_hours: Hours = Field(
        24, gt=0, description="Time in which the delivery of an email is retried before it fails."
    )
    audit_stream_private_addresses: bool = Field(
        False,
        description="Whether audit streams may have private addresses and unencrypted http URLs, for"
        " development.",
    )
    audit_stream_timeout_seconds: Timeout = Field(
        15, gt=0, le=300, description="Time that an audit stream's receiver has for a response."
    )
    audit_stream_retry_hours: Hours = Field(
        72,
        gt=0,
        description="Time in which the delivery to an audit stream is retried before it is paused.",
    )
    database_pool_size: int = Field(
        16,
        ge=2,
        le=1000,
        description="Connections to PostgreSQL per server process, for reads and for changes each.",
    )
    shutdown_delay_seconds: float = Field(
        0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="Time for which a server still answers requests after SIGTERM, while /readyz says that it"
        " shuts down. Behind a load balancer: longer than it takes to notice that.",
    )
    operation_timeout_seconds: Timeout = Field(
        10, gt=0, description="Time that one GraphQL operation may take."
    )
    max_body_bytes: int = Field(
        256 * 1024,
        ge=1024,
        le=1 << 30,
        description="Maximum size of a request body and of a WebSocket message. All bodies that a server"
        " process is receiving may have 64 times as much together, and at least 64 MiB.",
    )
    max_tokens: Count = Field(2_000, ge=10, description="Maximum number of tokens in a document.")
    max_depth: int = Field(15, ge=1, le=100, description="Maximum nesting of fields in a document.")
    max_aliases: Count = Field(
        30, ge=1, description="Maximum number of aliases, and of root fields, in an operation."
    )
    max_cost: int = Field(
        10_000,
        ge=1,
        le=10**9,
        description="Maximum cost of an operation: roughly the number of rows that it may read.",
    )
    max_batch: int = Field(10, ge=1, le=1000, description="Maximum number of operations in a batch.")
    max_subscriptions: Count = Field(20, ge=1, description="Maximum number of subscriptions per WebSocket.")
    max_connections: int = Field(
        4_096,
        ge=16,
        le=60_000,
        description="Maximum number of open connections per server process. When it is reached, new"
        " connections replace those that have been idle longest, and those whose clients have"
        " not read a response for 10 seconds.",
    )
    max_connections_per_address: int = Field(
        512,
        ge=4,
        le=60_000,
        description="Maximum number of open connections from one client address per server process. Trusted"
        " proxies are exempt.",
    )
    header_timeout_seconds: Timeout = Field(
        10, gt=0, le=600, description="Time in which a request's header must arrive."
    )
    body_timeout_seconds: Timeout = Field(
        10,
        gt=0,
        le=600,
        description="Time in which a request body must arrive, in addition to the time that it needs at"
        " MIN_BODY_BYTES_PER_SECOND.",
    )
    min_body_bytes_per_second: int = Field(
        4_096,
        ge=1,
        le=1 << 30,
        description="Minimum speed at which a client must send a request body and read a response.",
    )
    send_timeout_seconds: Timeout = Field(
        60,
        gt=0,
        le=3600,
        description="Time in which a client must continue to read a response, in addition to the time that it"
        " needs at MIN_BODY_BYTES_PER_SECOND.",
    )
    keep_alive_seconds: Timeout = Field(
        75,
        gt=0,
        le=3600,
        description="Time that a connection may be idle between two requests. It must be longer than that"
        " of a reverse proxy, or the proxy may send requests on a connection that is being"
        " closed.",
    )
    max_header_bytes: int = Field(
        32 * 1024, ge=4_096, le=1 << 20, description="Maximum size of a request's header."
    )
    max_pipelined_requests: int = Field(
        16,
        ge=1,
        le=1000,
        description="Maximum number of requests that wait for their responses on one connection.",
    )
    max_websocket_fragments: Count = Field(
        1_024,
        ge=1,
        description="Maximum number of fragments of a WebSocket message. MAX_BODY_BYTES limits its size.",
    )
    max_websocket_bytes_without_credential: int = Field(
        16 * 1024,
        ge=1024,
        le=1 << 30,
        description="Maximum size of a WebSocket message before the client has sent a credential.",
    )
    max_websockets_without_credential: Count = Field(
        1_000,
        ge=1,
        description="Maximum number of WebSockets per server process whose clients have not sent a"
        " credential. When it is reached, new ones replace the oldest of them.",
    )
    max_websockets_without_credential_per_address: Count = Field(
        250, ge=1, description="Maximum number of such WebSockets from one client address. More are refused."
    )
    max_websockets_per_credential: Count = Field(
        100, ge=1, description="Maximum number of WebSockets with one session or API key per server process."
    )
    websocket_init_seconds: Timeout = Field(
        10,
        gt=0,
        le=600,
        description="Time in which the client of a WebSocket must send `connection_init`.",
    )
    websocket_ping_seconds: Timeout = Field(
        20, gt=0, le=3600, description="Interval between pings on a WebSocket."
    )
    websocket_pong_seconds: Timeout = Field(
        20, gt=0, le=3600, description="Time in which the client of a WebSocket must answer a ping."
    )

    documents: Documents = Field(
        "any",
        description="Which GraphQL documents are executed for sessions and for clients without a credential:"
        " any, or persisted for those of DOCUMENT_MANIFESTS and of the console. GraphiQL needs any.",
    )
    api_key_documents: Documents = Field(
        "any", description="Which GraphQL documents are executed for API keys: any or persisted."
    )
    document_manifests: Files = Field(
        (),
        description="Files with persisted documents, comma-separated: each a JSON object from ids to texts,"
        " as relay-compiler writes it.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return clean_text(value)

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """Computes the defaults that depend on other settings."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        public_url = self.public_url or normal_origin(f"http://{host}:{self.port}")
        derived = {
            "public_url": public_url,
            "app_url": f"{public_url}/" if self.console == "on" else f"{public_url}/graphql",
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
                "AUDIT_PUBLIC_KEY must be that of AUDIT_SIGNING_KEY: leave it out if AUDIT_SIGNING_KEY is set"
            )
        return self

    @model_validator(mode="after")
    def _metrics_are_private(self) -> Self:
        if self.metrics_port is None:
            return self
        if self.metrics_port == self.port:
            raise ValueError("METRICS_PORT must be another port than PORT")
        if self.metrics_token is None and not is_of_this_machine(self.metrics_host):
            raise ValueError("METRICS_TOKEN must be set if others can reach METRICS_HOST")
        return self

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie. With https it has the prefix `__Host-`, so that other hosts of the
        domain cannot set it."""
        return f"{self.cookie_prefix}ta_session"

    @property
    def cookie_prefix(self) -> str:
        return "__Host-" if self.secure_cookies else ""

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def load() -> Settings:
    """Returns the settings of this process. Ends the process with one line per invalid value."""
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
