"""The commands `team-access catalog`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.printing import AsJson, notes, out, print_json, print_rows
from commands.running import run
from settings import Settings

if TYPE_CHECKING:
    from models.database import Database

app = typer.Typer(help="The catalog of themes.", no_args_is_help=True)


@app.command("import")
def import_catalog(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, readable=True)],
    as_json: AsJson = False,
) -> None:
    """Add or update the themes in FOLDER. Each theme is a folder with theme.json and its files."""
    from rich.progress import Progress

    from models.storage import Storage
    from resolvers.accounts import operator

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
            print_json(asdict(result))
        else:
            out.print(f"{result.themes} themes, {result.releases} releases, {result.files} files.")

    run(import_)


@app.command("list")
def list_catalog(as_json: AsJson = False) -> None:
    """List all themes, including withdrawn ones."""
    from resolvers.accounts import operator

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
        print_rows(themes, as_json=as_json)

    run(list_)
