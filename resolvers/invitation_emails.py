"""How many invitations are emailed: to one address by all accounts together, and by one account."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from resolvers.change import Change
from resolvers.email_allowances import Allowance
from resolvers.refusals import Refused, RetryLater, UserErrorCode
from settings import Settings

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TO = "invitations to "


async def count_emails(
    tx: Change, settings: Settings, emails: Sequence[str], *path: str
) -> dict[str, datetime]:
    """Counts one to each of the addresses. Returns those that got too many, with when they may have another.
    Raises Refused where the account has sent too many."""
    to_one = Allowance(settings.invitation_emails_per_hour, _HOUR)
    by_account = Allowance(settings.invitation_emails_per_account_per_day, _DAY)
    waiting = await tx.spend(to_one, [_TO + email for email in dict.fromkeys(emails)])
    going_out = len(set(emails)) - len(waiting)
    if going_out:
        account = f"invitations of {tx.account.id}"
        account_waits = await tx.spend(by_account, [account], going_out)
        if account_waits:
            message = "This account has invited very many people today: go on later."
            raise _too_many(message, account_waits[account], *path)
    return {subject.removeprefix(_TO): retry_at for subject, retry_at in waiting.items()}


def too_many_to(email: str, retry_at: datetime, *path: str) -> Refused:
    return _too_many(
        f"{email} got several invitations already: wait before you send another.", retry_at, *path
    )


def _too_many(message: str, retry_at: datetime, *path: str) -> Refused:
    return Refused(RetryLater(UserErrorCode.TOO_MANY_REQUESTS, message, list(path), retry_at=retry_at))
