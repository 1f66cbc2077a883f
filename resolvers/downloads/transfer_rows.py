"""Statements for the rows of transfers: begin one, store its progress, and add it to another one."""

from sqlalchemy import BigInteger, UpdateBase, delete, func, insert, update
from sqlmodel import col

from engine.statements import Statement, given_rows, parameter
from models.downloads import Transfer


def _begin() -> UpdateBase:
    names = ("id", "token_hash", "ip", "user_agent", "request_id", "bytes_sent", "facts", "started_at")
    return insert(Transfer).values({**{name: parameter(name) for name in names}, "seen_at": func.now()})


def _note() -> UpdateBase:
    """Stores the progress of several transfers."""
    noted = given_rows(Transfer, "id", "bytes_sent")
    return (
        update(Transfer)
        .where(col(Transfer.id) == noted.c.id)
        .values(bytes_sent=func.greatest(col(Transfer.bytes_sent), noted.c.bytes_sent), seen_at=func.now())
        .returning(col(Transfer.id))
    )


def _collect() -> UpdateBase:
    """Adds the bytes of one transfer to another one and deletes the first one's row."""
    gone = (
        delete(Transfer)
        .where(col(Transfer.id) == parameter("id"), col(Transfer.id) != parameter("parts_id"))
        .cte("gone")
    )
    least = func.greatest(col(Transfer.bytes_sent), parameter("least"), type_=BigInteger)
    return (
        update(Transfer)
        .where(col(Transfer.id) == parameter("parts_id"))
        .values(facts=parameter("facts"), seen_at=func.now(), bytes_sent=least + parameter("added"))
        .returning(col(Transfer.id))
        .add_cte(gone)
    )


BEGIN, NOTE, COLLECT = Statement(_begin), Statement(_note), Statement(_collect)
