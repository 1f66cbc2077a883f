"""Limits of sign-in emails, per mailbox and per requesting client."""

from datetime import timedelta

from engine.row_writer import RowWriter
from permissions.client_sites import site_name
from resolvers.email_addresses import counted_address, untagged
from resolvers.stored_limits import StoredLimit
from resolvers.user_errors import too_many_requests
from settings import Settings

_HOUR = timedelta(hours=1)


async def count_sign_in_email(
    writer: RowWriter, settings: Settings, email: str, client_ip: str | None
) -> None:
    """Raises `UserErrors` after too many emails for the client, or to tagged forms of the address
    (`name+tag@`). The address without a tag has a limit of its own, so that its owner can sign in after
    another person has used up the limit of the tags."""
    by_client = StoredLimit(settings.sign_in_emails_per_client_per_hour, _HOUR)
    client = f"sign-in emails for {site_name(client_ip)}"
    waits = await by_client.charge(writer.connection, [client])
    if waits:
        message = "Too many sign-in emails were requested from your network: try again later."
        raise too_many_requests(message, waits[client], "email")
    if untagged(email) == email:
        return
    tags = f"sign-in emails to tags of {counted_address(email)}"
    waits = await StoredLimit(settings.sign_in_emails_per_hour, _HOUR).charge(writer.connection, [tags])
    if waits:
        message = (
            "Too many sign-in emails were sent to this address and its tags: use one, or try again later."
        )
        raise too_many_requests(message, waits[tags], "email")


async def may_go_to_somebody_unknown(writer: RowWriter, settings: Settings, email: str) -> bool:
    """Whether an email may be sent to an unknown address. All spellings of a mailbox except the plainest
    share one limit. Known addresses are not counted; therefore the limit is not reported, because a report
    would show which addresses are known."""
    if counted_address(email) == email or untagged(email) != email:
        return True
    spellings = f"sign-in emails to spellings of {counted_address(email)}"
    return not await StoredLimit(settings.sign_in_emails_per_hour, _HOUR).charge(
        writer.connection, [spellings]
    )
