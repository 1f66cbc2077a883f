"""Reads the live sessions of a person."""

from sqlalchemy import and_
from sqlmodel import col

from engine.conditions import Condition
from engine.pagination import Order
from engine.row_reader import rows
from models.sessions import Session
from permissions.context import Context

MOST_SESSIONS = 100


_NEWEST = Order("newest", (col(Session.id),), descending=True)


live_of_user = Condition(lambda user_id: and_(col(Session.user_id) == user_id, Session.is_live()))


async def live_sessions(context: Context) -> list[Session]:
    """Live sessions of the viewer, newest first, at most `MOST_SESSIONS`. Empty for an API key."""
    viewer = context.signed_in()
    if viewer.is_api_key:
        return []
    live_ones = live_of_user(viewer.user.id)
    return await rows(context.database, Session, live_ones, order=_NEWEST, limit=MOST_SESSIONS)
