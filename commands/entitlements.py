"""The commands `team-access entitlements`."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.printing import AsJson, print_done
from commands.running import run
from settings import Settings

if TYPE_CHECKING:
    from models.database import Database

app = typer.Typer(help="Licenses that an account may provision.", no_args_is_help=True)


@app.command("grant")
def grant_entitlements(
    account_slug: str,
    theme_slug: str,
    quantity: Annotated[int, typer.Argument(min=1)],
    as_json: AsJson = False,
) -> None:
    """Let an account provision QUANTITY more licenses of a theme."""
    from resolvers.accounts import operator

    async def grant(settings: Settings, database: "Database") -> None:
        entitlement = await operator.grant_entitlement(database, account_slug, theme_slug, quantity)
        result = {
            "account": account_slug,
            "theme": theme_slug,
            "purchased": entitlement.purchased,
            "provisioned": entitlement.provisioned,
        }
        sentence = f"{account_slug} may now have {entitlement.purchased} licenses of {theme_slug}."
        print_done(sentence, result, as_json=as_json)

    run(grant)
