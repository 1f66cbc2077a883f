"""Lazy references to types that refer to each other."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.accounts import Account
    from schema.members import Member
else:
    Account = Annotated["Account", strawberry.lazy("schema.accounts")]
    Member = Annotated["Member", strawberry.lazy("schema.members")]

__all__ = ["Account", "Member"]
