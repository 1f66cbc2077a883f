"""The commands `team-access account`."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.printing import out
from commands.running import run
from settings import Settings

if TYPE_CHECKING:
    from models.database import Database

app = typer.Typer(help="Accounts.", no_args_is_help=True)


@app.command("create")
def create_account(
    name: str,
    owner_email: str,
    owner_name: Annotated[
        str | None, typer.Option(help="Name of the owner; derived from the email address by default.")
    ] = None,
    slug: Annotated[
        str | None, typer.Option(help="Short name of the account; derived from NAME by default.")
    ] = None,
) -> None:
    """Create an account. Its owner signs in with OWNER_EMAIL."""
    from resolvers.accounts import operator

    async def create(settings: Settings, database: "Database") -> None:
        account = await operator.create_account(database, name, owner_email, owner_name, slug)
        out.print(f"Created the account {account.name}: {account.slug}", markup=False, soft_wrap=True)

    run(create)
