"""Reminders by email before something ends. The time of the next one is stored beside the end."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from models.columns import now


def next_reminder(end: datetime | None, days: Iterable[int]) -> datetime | None:
    """Time of the next reminder, of those that are sent so many days before the end. None if there is none
    any more. A reminder whose time has passed is not sent: whoever sets the end then knows how near it is."""
    if end is None:
        return None
    times = (end - timedelta(days=each) for each in days)
    return min((time for time in times if time > now()), default=None)
