"""The `team-access` command."""

import asyncio
import gc
import json
import os
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import settings as settings_module
from settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from models.audit_export import Verified
    from models.billing import Invoice
    from models.database import Database
    from models.embedded import Server
    from web.door import RateLimits

out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


class _WithSettings(typer.core.TyperGroup):
    """Help that ends with every setting, as `settings.py` declares it."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        out.print(_settings_table())


app = typer.Typer(
    cls=_WithSettings,
    help="Teams, roles, licenses and the audit log, as a GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
account_app = typer.Typer(help="Accounts.", no_args_is_help=True)
catalog_app = typer.Typer(help="The catalog of themes.", no_args_is_help=True)
invoices_app = typer.Typer(help="What accounts are billed.", no_args_is_help=True)
entitlements_app = typer.Typer(help="What an account may provision.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit log: its proof, and its end.", no_args_is_help=True)
schema_app = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
app.add_typer(account_app, name="account")
app.add_typer(audit_app, name="audit")
app.add_typer(catalog_app, name="catalog")
app.add_typer(entitlements_app, name="entitlements")
app.add_typer(invoices_app, name="invoices")
app.add_typer(schema_app, name="schema")


AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Value = TypeVar("Value")


class CommandError(Exception):
    """In one sentence, for the person who called the command."""


def main() -> None:
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except Exception as error:
        if os.environ.get("LOG_LEVEL") == "debug":
            traceback.print_exc()
        notes.print(_sentence(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None


@app.command()
def serve(
    worker: Annotated[bool, typer.Option(help="Also do background jobs: emails, expiry.")] = True,
) -> None:
    """Serve the API, with the embedded PostgreSQL where DATABASE_URL is not set."""
    settings = settings_module.load()
    gc.disable()  # None of what is imported is garbage: looking through it takes a tenth of the start.
    from web import server

    try:
        server.free_address(settings.host, settings.port)  # Before anything is made.
        with _database(settings, serving=True) as (url, postgresql):
            os.environ["DATABASE_URL"] = url
            os.environ.pop("MIGRATION_DATABASE_URL", None)
            if server.may_fork():
                for module in ("app", "worker"):  # Once for all processes.
                    import_module(module)
            rate_limits = _shared_rate_limits(settings) if server.may_fork() else None
            gc.freeze()
            gc.enable()
            server.serve(
                settings,
                partial(_load_app, rate_limits),
                partial(_work, settings, url) if worker else None,
                postgresql.wait if postgresql else None,
                partial(_welcome, settings, url, with_demo=postgresql is not None),
            )
    except server.ServeError as error:
        raise CommandError(str(error)) from error


@app.command()
def worker() -> None:
    """Do background jobs only, beside `serve --no-worker`."""
    settings = settings_module.load()
    with _database(settings) as (url, _):
        _work(settings, url)


@app.command()
def migrate() -> None:
    """Bring the tables up to date, as the role of MIGRATION_DATABASE_URL."""
    settings = settings_module.load()
    if settings.database_url is None:
        with _database(settings):
            out.print("The embedded database is up to date.")
        return
    if settings.migration_database_url is None:
        raise CommandError("Set MIGRATION_DATABASE_URL to a URL of the role that owns the tables.")
    from sqlalchemy import make_url

    from models import migrate

    app_role = make_url(settings.database_url.get_secret_value()).username
    if not app_role:
        raise CommandError(
            "DATABASE_URL: name the app's role in it, postgresql://ROLE:password@host/database."
        )
    migrate.upgrade(settings.migration_database_url.get_secret_value(), app_role)
    out.print(f"The tables are up to date, and {app_role} has its grants.", markup=False)


@account_app.command("create")
def create_account(
    name: str,
    owner_email: str,
    owner_name: Annotated[str | None, typer.Option(help="From the address by default.")] = None,
) -> None:
    """Found an account. Its owner signs in with the address."""
    from resolvers import operator

    async def create(settings: Settings, database: "Database") -> None:
        account = await operator.create_account(database, name, owner_email, owner_name)
        out.print(f"Created the account {account.name}: {account.slug}", markup=False, soft_wrap=True)

    _run(create)


@catalog_app.command("import")
def import_catalog(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, readable=True)],
    as_json: AsJson = False,
) -> None:
    """Add a folder's themes to the catalog, or update them: theme.json and its files in a folder each."""
    from rich.progress import Progress

    from models.storage import Storage
    from resolvers import operator

    async def import_(settings: Settings, database: "Database") -> None:
        with Progress(console=notes, transient=True) as bar:
            task = bar.add_task("Importing", total=None)
            result = await operator.import_catalog(
                database,
                Storage(settings.storage_url),
                folder,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
        if as_json:
            _print_json(asdict(result))
        else:
            out.print(f"{result.themes} themes, {result.releases} releases, {result.files} files.")

    _run(import_)


@catalog_app.command("list")
def list_catalog(as_json: AsJson = False) -> None:
    """List the themes, withdrawn ones too."""
    from resolvers import operator

    async def list_(settings: Settings, database: "Database") -> None:
        themes = [
            {
                "slug": theme.slug,
                "name": theme.name,
                "price": str(theme.price_amount),
                "currency": theme.price_currency,
                "latestVersion": theme.latest_version,
                "withdrawnAt": theme.withdrawn_at and theme.withdrawn_at.isoformat(),
            }
            for theme in await operator.catalog(database)
        ]
        _print_rows(themes, as_json=as_json)

    _run(list_)


@invoices_app.command("list")
def list_invoices(
    account_slug: str,
    status: Annotated[
        Literal["OPEN", "PAID", "VOID"] | None,
        typer.Option(case_sensitive=False, help="Only these."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List an account's invoices, the newest first."""
    from models.billing import InvoiceStatus
    from resolvers import operator_invoices

    statuses = [InvoiceStatus(status)] if status else None

    async def list_(settings: Settings, database: "Database") -> None:
        found = await operator_invoices.list_invoices(database, account_slug, statuses)
        _print_rows([_invoice(each) for each in found], as_json=as_json)

    _run(list_)


@invoices_app.command("paid")
def pay_invoice(account_slug: str, number: str, as_json: AsJson = False) -> None:
    """Record that an open invoice is paid."""
    from resolvers import operator_invoices

    async def pay(settings: Settings, database: "Database") -> None:
        invoice = _invoice(await operator_invoices.pay_invoice(database, account_slug, number))
        _print_done(f"{invoice['number']} is paid.", invoice, as_json=as_json)

    _run(pay)


@invoices_app.command("void")
def void_invoice(account_slug: str, number: str, as_json: AsJson = False) -> None:
    """Void an open invoice. It does not count as spent any more; what was bought by it stays."""
    from resolvers import operator_invoices

    async def void(settings: Settings, database: "Database") -> None:
        invoice = _invoice(await operator_invoices.void_invoice(database, account_slug, number))
        stays = "does not count as spent any more; the account keeps its licenses"
        _print_done(f"{invoice['number']} is void: it {stays}.", invoice, as_json=as_json)

    _run(void)


def _invoice(invoice: "Invoice") -> dict[str, Any]:
    return {
        "number": invoice.number_of(invoice.sequence),
        "status": invoice.status.value,
        "issuedAt": invoice.issued_at.isoformat(),
        "dueAt": invoice.due_at.isoformat(),
        "paidAt": invoice.paid_at and invoice.paid_at.isoformat(),
        "total": str(invoice.total),
        "currency": invoice.currency,
    }


@entitlements_app.command("grant")
def grant_entitlements(
    account_slug: str,
    theme_slug: str,
    quantity: Annotated[int, typer.Argument(min=1)],
    as_json: AsJson = False,
) -> None:
    """Let an account provision QUANTITY more licenses of a theme."""
    from resolvers import operator

    async def grant(settings: Settings, database: "Database") -> None:
        entitlement = await operator.grant_entitlement(database, account_slug, theme_slug, quantity)
        granted = {
            "account": account_slug,
            "theme": theme_slug,
            "purchased": entitlement.purchased,
            "provisioned": entitlement.provisioned,
        }
        sentence = f"{account_slug} may now have {entitlement.purchased} licenses of {theme_slug}."
        _print_done(sentence, granted, as_json=as_json)

    _run(grant)


@audit_app.command("verify")
def verify_export(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    checkpoint: Annotated[
        str | None, typer.Option(help="SEQUENCE:HASH, or a file: the export must hold that event.")
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(help="Of what was pruned: `audit public-key` prints it.", envvar="AUDIT_PUBLIC_KEY"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify the log's export FILE (NDJSON). Ends with 1 where it is not whole, 2 where it is none."""
    from models import audit_checkpoints, audit_diagnosis, audit_export, audit_keys

    key = _argument("--public-key", audit_keys.public_key_from, public_key)
    kept = _argument("--checkpoint", audit_checkpoints.Checkpoint.of, checkpoint)
    try:
        verified = _verified(file, key)
        if kept is not None:
            kept.require_in(verified)
    except audit_diagnosis.Damage as damage:
        if as_json:
            _print_json(damage.to_json())
        notes.print(str(damage), style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except audit_export.Unreadable as error:
        notes.print(str(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    _print_done(verified.sentence(), verified.to_json(), as_json=as_json)


@audit_app.command("checkpoint")
def print_checkpoint(account_slug: str) -> None:
    """Print where an account's log has got to, as a line of JSON: keep it elsewhere."""
    from resolvers import operator_audit

    async def print_(settings: Settings, database: "Database") -> None:
        _print_json(await operator_audit.checkpoint(database, account_slug))

    _run(print_)


@audit_app.command("public-key")
def print_public_key() -> None:
    """Print what the signatures of what was pruned are checked with."""
    from models import audit_keys

    settings = settings_module.load()
    key = audit_keys.public_key(settings) or _signing_key(settings).public_key()
    typer.echo(audit_keys.written(key))


@audit_app.command("prune")
def prune(
    account_slug: str,
    before: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="In UTC: 2026-01-31.")
    ],
    export: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The whole log, as NDJSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Delete an account's events from BEFORE a day, which EXPORT has to hold. As the role of
    MIGRATION_DATABASE_URL; a signed event stands for them."""
    from models import audit_diagnosis, audit_export
    from resolvers import operator_audit

    key = _signing_key(settings_module.load())
    try:
        exported = operator_audit.Exported.of(_verified(export, key.public_key()))
    except (audit_diagnosis.Damage, audit_export.Unreadable) as error:
        raise CommandError(f"The export cannot stand for what would be pruned. {error}") from error

    async def prune_(settings: Settings, database: "Database") -> None:
        with _progress("Pruning") as progress:
            pruned = await operator_audit.prune(
                database, account_slug, before.replace(tzinfo=UTC), exported, key, progress
            )
        _print_done(pruned.sentence(), asdict(pruned), as_json=as_json)

    _run(prune_, as_owner=True)


def _verified(file: Path, key: "Ed25519PublicKey | None") -> "Verified":
    from models import audit_export

    with _progress("Verifying", unit="bytes") as progress:
        size = file.stat().st_size
        return audit_export.verify(file, key, lambda done: progress(done, size))


def _signing_key(settings: Settings) -> "Ed25519PrivateKey":
    from models import audit_keys

    try:
        return audit_keys.signing_key(settings)
    except audit_keys.NoSigningKey as error:
        raise CommandError(str(error)) from error


def _argument(name: str, read: Callable[[str], Value], given: str | None) -> Value | None:
    try:
        return None if given is None else read(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


@contextmanager
def _progress(what: str, unit: Literal["bytes", "events"] = "events") -> Iterator[Callable[[int, int], None]]:
    """A bar that is told what is done and what is in all. It has no thread of its own: processes are
    started meanwhile."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count)
    is_shown = notes.is_terminal
    with Progress(*columns, console=notes, transient=True, auto_refresh=False, disable=not is_shown) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


@schema_app.command("print")
def print_schema() -> None:
    """Print the schema in GraphQL's schema language."""
    import schema

    typer.echo(schema.printed(), nl=False)


def _print_done(sentence: str, result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(result)
    else:
        out.print(sentence, markup=False, soft_wrap=True)


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    lines = [list(rows[0]), *([str(value or "") for value in row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:  # Not a table of rich's: it cuts what is wider than the terminal.
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.print("  ".join(cells).rstrip(), markup=False, soft_wrap=True)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def _database(settings: Settings, *, serving: bool = False) -> Iterator[tuple[str, "Server | None"]]:
    """A URL as the app's role, of a database with the tables this version needs."""
    if settings.database_url is None:
        with _embedded(settings, serving=serving) as server:
            yield server.url("team_access"), server
        return
    from models import migrate

    url = settings.database_url.get_secret_value()
    if not asyncio.run(migrate.is_current(url)):
        raise CommandError("The database's tables are not those of this version: run `team-access migrate`.")
    yield url, None


@contextmanager
def _embedded(settings: Settings, *, serving: bool) -> Iterator["Server"]:
    from demo import first_start
    from models import embedded
    from models.embedded_folder import EmbeddedPostgresqlError

    folder = settings.data_dir / "postgresql"
    connections = settings.workers * (2 * settings.database_pool_size + 5) + 50
    try:
        with (
            embedded.running(folder, connections=connections)
            if serving
            else embedded.attached(folder) as server
        ):
            first_start.make_ready(server, settings, notes)
            yield server
    except EmbeddedPostgresqlError as error:
        raise CommandError(str(error)) from error


def _run(
    task: Callable[[Settings, "Database"], Coroutine[Any, Any, None]], *, as_owner: bool = False
) -> None:
    """What an operator does, and what may be wrong with it."""
    from models.database import Database
    from models.storage import SourceChanged, StorageUnavailable
    from resolvers.catalog_folder import CatalogInvalid
    from resolvers.refusals import Refused

    async def with_database() -> None:
        database = Database(url)
        try:
            await task(settings, database)
        finally:
            await database.close()

    settings = settings_module.load()
    with _database(settings) as (url, server):
        if as_owner:
            url = _owner_url(settings, server)
        try:
            asyncio.run(with_database())
        except (Refused, CatalogInvalid, StorageUnavailable, SourceChanged) as error:
            raise CommandError(str(error)) from error


def _owner_url(settings: Settings, server: "Server | None") -> str:
    from models import embedded

    if server is not None:
        return server.url(embedded.OWNER_ROLE)
    if settings.migration_database_url is None:
        raise CommandError("Set MIGRATION_DATABASE_URL to a URL of the role that owns the tables.")
    return settings.migration_database_url.get_secret_value()


def _shared_rate_limits(settings: Settings) -> "RateLimits":
    from web.door import RateLimits

    return RateLimits(settings, shared=settings.workers > 1)


def _load_app(rate_limits: "RateLimits | None") -> Any:
    """In each server process."""
    from web.server import before_ending, collect_less, end_with_parent

    end_with_parent()
    from app import create_app

    app = create_app(rate_limits=rate_limits)
    before_ending(app.state.finish)
    collect_less()
    return app


def _work(settings: Settings, url: str) -> None:
    from web.server import end_with_parent

    end_with_parent()
    import worker

    worker.main(settings, url)


def _welcome(settings: Settings, url: str, with_demo: bool) -> Callable[[], None]:
    places = {"GraphiQL": f"{settings.public_url}/graphql"}
    if settings.smtp_url is None:
        places["Mailbox"] = f"{settings.public_url}/mailbox"
    if with_demo:
        for name, role, link in asyncio.run(_sign_in_links(settings, url)):
            places[f"Sign in as {name}, {role}"] = link
    width = max(map(len, places))

    def print_places() -> None:
        for place, address in places.items():
            out.print(f"[bold]{escape(place.ljust(width))}[/]  {escape(address)}", soft_wrap=True)

    return print_places


async def _sign_in_links(settings: Settings, url: str) -> list[tuple[str, str, str]]:
    import demo
    from models.database import Database

    database = Database(url)
    try:
        return await demo.sign_in_links(database, settings)
    finally:
        await database.close()


def _settings_table() -> Table:
    table = Table(box=None, show_header=False, title_justify="left")
    table.title = "Settings, from the environment or a .env file"
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "", (), {}) else f" [default: {field.default}]"
        table.add_row(name.upper(), escape(f"{field.description}{default}"))
    return table


def _sentence(error: BaseException) -> str:
    import asyncpg

    causes = [error]
    while cause := causes[-1].__cause__ or (not causes[-1].__suppress_context__ and causes[-1].__context__):
        causes.append(cause)
    if any("No space left on device" in str(cause) for cause in causes):
        return "The disk is full: make room, then start again; nothing is lost."
    for cause in causes:
        match cause:
            case CommandError():
                return str(cause)
            case asyncpg.InvalidAuthorizationSpecificationError():
                return "PostgreSQL refuses the user or the password: correct DATABASE_URL."
            case asyncpg.InvalidCatalogNameError():
                return f"PostgreSQL says: {_first_line(cause)}. Create it, or correct DATABASE_URL."
            case asyncpg.PostgresError():
                return f"PostgreSQL says: {_first_line(cause)}."
            case OSError(filename=str() as filename):
                return f"{filename}: {cause.strerror}. Set DATA_DIR to a folder that can be written."
            case OSError():
                return f"The database cannot be reached ({cause}): start it, or correct DATABASE_URL."
    return f"Unexpected: {error!r}. LOG_LEVEL=debug shows where."


def _first_line(error: BaseException) -> str:
    """Without the detail, which shows what is in the row."""
    return str(error).partition("\n")[0].rstrip(".")


def _terminate(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
