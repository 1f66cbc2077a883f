"""Types that are named before they are declared: accounts and members hold what refers to them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.accounts import Account
    from schema.members import Member
else:
    Account = Annotated["Account", strawberry.lazy("schema.accounts")]
    Member = Annotated["Member", strawberry.lazy("schema.members")]

__all__ = ["Account", "Member"]
