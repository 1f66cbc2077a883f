"""The commands `team-access people`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from commands.printing import AsJson, print_done
from commands.running import run
from settings import Settings

if TYPE_CHECKING:
    from models.database import Database

app = typer.Typer(help="People.", no_args_is_help=True)


@app.command("erase")
def erase_person(email: str, as_json: AsJson = False) -> None:
    """Remove the person with the address EMAIL from its accounts, and erase its personal data. Refused while
    the person owns an account. It cannot be undone; run again after an interruption."""
    from resolvers.people import operator

    async def erase(settings: Settings, database: "Database") -> None:
        erased = await operator.erase_person(database, settings, email)
        sentence = (
            f"Erased the person from {erased.accounts} accounts, after {erased.memberships_ended} memberships"
            f" were ended. {erased.invoices_kept} issued invoices keep its name, as tax law requires."
        )
        print_done(sentence, asdict(erased), as_json=as_json)

    run(erase)
