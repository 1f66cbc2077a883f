"""The `team-access` command."""

import asyncio
import gc
import os
import signal
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

import postgresql_dsn
import settings as settings_module
from commands import accounts, audit, catalog, entitlements, invoices, people
from commands.documents import print_documents, require_manifests
from commands.folders import require_folders
from commands.printing import notes, out
from commands.running import CommandError, database_of
from settings import Settings

if TYPE_CHECKING:
    from telemetry.reports import ReportChannel
    from web.background_process import ProcessStatus
    from web.http_server import HttpServer
    from web.rate_limits import RateLimits


class _GroupWithSettings(typer.core.TyperGroup):
    """Command group whose help ends with a table of all settings."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        out.print(_settings_table())


app = typer.Typer(
    cls=_GroupWithSettings,
    help="Teams, roles, licenses and the audit log, as a GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
schema_app = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
app.add_typer(accounts.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(catalog.app, name="catalog")
app.add_typer(entitlements.app, name="entitlements")
app.add_typer(invoices.app, name="invoices")
app.add_typer(people.app, name="people")
app.add_typer(schema_app, name="schema")
app.command("documents")(print_documents)


def main() -> None:
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except Exception as error:
        _print_error(error)
        raise SystemExit(1) from None


@app.command()
def serve(
    worker: Annotated[bool, typer.Option(help="Also run background jobs, such as sending emails.")] = True,
) -> None:
    """Serve the API, with the embedded PostgreSQL where DATABASE_URL is not set."""
    settings = settings_module.load()
    require_manifests(settings)
    gc.disable()  # Imports create no garbage: collecting would take a tenth of the start.
    from telemetry.tracing import TracingError, is_configured
    from web import server
    from web.background_process import Background
    from web.logs import configure_logs
    from web.metrics_exporter import exporter

    configure_logs(settings)
    try:
        is_configured(os.environ)
        server.listener(settings).close()  # Fails early where the port is in use.
        with (
            database_of(settings, serving=True) as (url, postgresql),
            exporter(settings, url) as (reports, background),
        ):
            require_folders(settings)
            os.environ["DATABASE_URL"] = url
            os.environ.pop("MIGRATION_DATABASE_URL", None)
            if server.may_fork():
                for module in ("app", "worker"):  # Imported once, before the processes are forked.
                    import_module(module)
            rate_limits, worker_status = _shared(settings)
            gc.freeze()
            gc.enable()
            if worker:
                work = partial(_work, settings, url, worker_status, reports)
                background.append(Background("job_worker", work, worker_status))
            server.serve(
                settings,
                partial(_load_server, rate_limits, worker_status, reports),
                background,
                postgresql.wait if postgresql else None,
                partial(_welcome, settings, url, with_demo=postgresql is not None),
            )
    except (server.ServeError, TracingError) as error:
        raise CommandError(str(error)) from error


@app.command()
def worker() -> None:
    """Run background jobs only, next to `serve --no-worker`."""
    settings = settings_module.load()
    import worker as worker_module
    from web.metrics_exporter import exporting
    from web.server import ServeError

    try:
        with database_of(settings) as (url, _), exporting(settings, url) as reports:
            require_folders(settings)
            worker_module.main(settings, url, reports=reports)
    except ServeError as error:
        raise CommandError(str(error)) from error


@app.command()
def migrate() -> None:
    """Migrate the database to this version, as the role of MIGRATION_DATABASE_URL."""
    settings = settings_module.load()
    if settings.database_url is None:
        with database_of(settings):
            out.print("The embedded database is up to date.")
        return
    if settings.migration_database_url is None:
        raise CommandError("Set MIGRATION_DATABASE_URL to a URL of the role that owns the tables.")
    from models import migrate

    app_role = postgresql_dsn.parse(settings.database_url.get_secret_value()).user
    if not app_role:
        raise CommandError(
            "DATABASE_URL has no role: add it, as in postgresql://ROLE:password@host/database."
        )
    migrate.upgrade(settings.migration_database_url.get_secret_value(), app_role)
    out.print(f"The tables are up to date, and {app_role} has its grants.", markup=False)


@schema_app.command("print")
def print_schema() -> None:
    """Print the schema in GraphQL's schema language."""
    import schema

    typer.echo(schema.printed(), nl=False)


def _shared(settings: Settings) -> "tuple[RateLimits, ProcessStatus]":
    """State in memory that the server's processes share."""
    from web.background_process import ProcessStatus
    from web.rate_limits import RateLimits

    return RateLimits(settings, shared=settings.workers > 1), ProcessStatus()


def _load_server(
    rate_limits: "RateLimits", worker_status: "ProcessStatus", reports: "ReportChannel | None"
) -> "HttpServer":
    """Creates the server in each server process."""
    from web.server import collect_less, end_with_parent

    end_with_parent()
    from app import create_app
    from web.http_server import http_server

    server = http_server(create_app(None, rate_limits, worker_status, reports))
    collect_less()
    return server


def _work(settings: Settings, url: str, status: "ProcessStatus", reports: "ReportChannel | None") -> None:
    """Runs in the job worker's process."""
    from web.server import end_with_parent

    end_with_parent()
    import worker

    try:
        worker.main(settings, url, status.started, reports)
    except Exception as error:
        _print_error(error)
        raise SystemExit(1) from None


def _welcome(settings: Settings, url: str, with_demo: bool) -> Callable[[], None]:
    addresses = {"Console": f"{settings.public_url}/"} if settings.console == "on" else {}
    addresses["GraphiQL"] = f"{settings.public_url}/graphql"
    if settings.smtp_url is None:
        addresses["Mailbox"] = f"{settings.public_url}/mailbox"
    if with_demo:
        for name, role, link in asyncio.run(_sign_in_links(settings, url)):
            addresses[f"Sign in as {name}, {role}"] = link
    width = max(map(len, addresses))

    def print_addresses() -> None:
        for name, address in addresses.items():
            out.print(f"[bold]{escape(name.ljust(width))}[/]  {escape(address)}", soft_wrap=True)

    return print_addresses


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


def _print_error(error: BaseException) -> None:
    if os.environ.get("LOG_LEVEL") == "debug":
        traceback.print_exc()
    notes.print(_sentence(error), style="red", markup=False, soft_wrap=True)


def _sentence(error: BaseException) -> str:
    import asyncpg

    from models.migrate import UnknownRevision

    causes = [error]
    while cause := _cause(causes[-1]):
        causes.append(cause)
    if any("No space left on device" in str(cause) for cause in causes):
        return "The disk is full: free some space, then start again. No data is lost."
    for cause in causes:
        match cause:
            case CommandError() | UnknownRevision():
                return str(cause)
            case asyncpg.InvalidAuthorizationSpecificationError():
                return "PostgreSQL refuses the user or the password: correct DATABASE_URL."
            case asyncpg.InvalidCatalogNameError():
                return f"PostgreSQL says: {_first_line(cause)}. Create it, or correct DATABASE_URL."
            case asyncpg.PostgresError():
                return f"PostgreSQL says: {_first_line(cause)}."
            case asyncpg.TargetServerAttributeNotMatched():
                return "No host in DATABASE_URL is writable: start a primary server, or correct DATABASE_URL."
            case OSError(filename=str() as filename):
                return f"{filename}: {cause.strerror}. Set DATA_DIR to a writable folder."
            case OSError():
                return f"The database cannot be reached ({cause}): start it, or correct DATABASE_URL."
    return f"Unexpected error: {error!r}. Set LOG_LEVEL=debug to see the traceback."


def _cause(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _first_line(error: BaseException) -> str:
    """The first line of the message, without the detail, which contains values of the row."""
    return str(error).partition("\n")[0].rstrip(".")


def _terminate(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
