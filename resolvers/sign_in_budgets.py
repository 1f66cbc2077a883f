"""How many sign-in emails go out to the tags of one address, and at the request of one client."""

from datetime import timedelta

import asyncpg

from permissions.client_sites import site_of
from resolvers.email_addresses import untagged
from resolvers.email_allowances import Allowance
from resolvers.refusals import too_many_requests
from settings import Settings

_HOUR = timedelta(hours=1)


async def count_sign_in_email(
    driver: asyncpg.Connection, settings: Settings, email: str, client_ip: str | None
) -> None:
    """Raises Refused where there were too many. An address without a tag has its own limit: whoever uses up
    that of its tags does not keep its owner from signing in."""
    by_client = Allowance(settings.sign_in_emails_per_client_per_hour, _HOUR)
    client = f"sign-in emails for {':'.join(map(str, site_of(client_ip)))}"
    waits = await by_client.spend(driver, [client])
    if waits:
        message = "Too many sign-in emails were asked for from your network: try again later."
        raise too_many_requests(message, waits[client], "email")
    if untagged(email) == email:
        return
    tags = f"sign-in emails to tags of {untagged(email)}"
    waits = await Allowance(settings.sign_in_emails_per_hour, _HOUR).spend(driver, [tags])
    if waits:
        message = "Too many sign-in emails went to this address and its tags: use one of them, or try later."
        raise too_many_requests(message, waits[tags], "email")
