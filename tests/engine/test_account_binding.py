"""A statement over a table of accounts that is not bound to one account does not compile."""

from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import (
    Uuid,
    and_,
    column,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
    tablesample,
    true,
    union_all,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from engine.account_binding import UnboundStatement
from engine.conditions import Condition
from engine.pagination import Listing, Order
from engine.query import RowQuery, Shape
from engine.row_writer import RowNotFound, RowWriter
from engine.snapshots import new_row
from engine.sql import write_count, write_rows
from engine.statements import Statement, any_of, compiled, parameter
from engine.tables import AnySelect
from models.accounts import Account
from models.audit import AuditEvent
from models.database import Database
from models.downloads import DownloadLink
from models.licenses import License
from models.members import Member, Role, User

Other = aliased(Member)
_of_account = col(Member.account_id) == parameter("account_id")
_licenses = select(func.count()).select_from(License).scalar_subquery()
_same_account = col(License.account_id) == col(Member.account_id)


def members(*where: Any) -> AnySelect:
    return select(col(Member.name)).where(*where)


BOUND: dict[str, Any] = {
    "one table": members(_of_account),
    "several accounts of a viewer": members(any_of(col(Member.account_id), parameter("account_ids"))),
    "a join": select(col(License.site)).join(Member, _same_account).where(_of_account),
    "a join the other way": select(col(License.site))
    .join(Member, _same_account)
    .where(col(License.account_id) == parameter("account_id")),
    "an outer join": select(col(Member.name)).outerjoin(License, _same_account).where(_of_account),
    "by way of the account": select(col(Account.name))
    .join(Member, col(Member.account_id) == col(Account.id))
    .where(col(Account.id) == parameter("account_id")),
    "a subquery that is correlated": members(_of_account, exists().where(_same_account)),
    "a derived table": select(members(_of_account).subquery()),
    "a derived table that is bound outside": select(
        derived := select(col(Member.account_id)).subquery()
    ).where(derived.c.account_id == parameter("account_id")),
    "each of a union": union_all(members(_of_account), members(_of_account)),
    "a lateral": select(col(Member.name))
    .join(select(col(License.site)).where(_same_account).correlate(Member).lateral(), true())
    .where(_of_account),
    "a condition that is true": members(and_(_of_account, col(Member.role) == "ADMIN").is_(True)),
    "an update": update(Member).where(_of_account).values(name="x"),
    "a delete": delete(AuditEvent).where(col(AuditEvent.account_id) == parameter("account_id")),
    "no table of accounts": select(col(User.name)).where(col(User.email) == parameter("email")),
}
UNBOUND: dict[str, Any] = {
    "no condition": members(),
    "another column": members(col(Member.id) == parameter("id")),
    "one of two": members(or_(_of_account, col(Member.role) == "ADMIN")),
    "not the account": members(col(Member.account_id) != parameter("account_id")),
    "negated": members(~_of_account),
    "false": members(_of_account.is_(False)),
    "itself": members(col(Member.account_id) == col(Member.account_id)),
    "some account's": members(col(Member.account_id).in_(select(col(Account.id)))),
    "a join without the account": select(col(License.site))
    .join(Member, col(Member.id) == col(License.holder_id))
    .where(_of_account),
    "one of two aliases": select(col(Other.name))
    .join(Member, col(Member.id) == col(Other.id))
    .where(_of_account),
    "an outer join whose condition is of the other side": select(col(Member.name)).outerjoin(
        License, and_(_same_account, _of_account)
    ),
    "an outer join that binds what it joins": select(col(Member.name)).outerjoin(
        License, and_(_same_account, col(License.account_id) == parameter("account_id"))
    ),
    "a subquery": members(_of_account, exists().where(col(License.holder_id) == col(Member.id))),
    "a subquery among the columns": select(
        select(func.count())
        .select_from(License)
        .where(col(License.holder_id) == col(Member.id))
        .scalar_subquery()
    ).where(_of_account),
    "a derived table": select(members().subquery()),
    "one of a union": union_all(members(_of_account), members()),
    "a condition in a subquery": members(
        exists().where(_of_account, col(License.site) == "x").correlate(None)
    ),
    "an update": update(Member).values(name="x"),
    "an update by a subquery": update(Member).where(col(Member.id).in_(select(col(License.holder_id)))),
    "a delete": delete(AuditEvent).where(col(AuditEvent.sequence) == parameter("sequence")),
    "text": members(literal_column("account_id = $1")),
    "a sample of a table": select(func.count()).select_from(tablesample(Member, 10)),
    "accounts": select(col(Account.name)).where(col(Account.slug) == parameter("slug")),
    "an update of accounts": update(Account).values(name="x"),
    "an order": members(_of_account).order_by(_licenses),
    "a group": members(_of_account).group_by(_licenses),
    "a condition on groups": members(_of_account).group_by(col(Member.name)).having(_licenses > 1),
    "a limit": members(_of_account).limit(_licenses),
    "a WITH that changes others": members(_of_account).add_cte(update(License).values(site="x").cte("u")),
    "an update's values": update(Member).where(_of_account).values(name=_licenses),
    "an update's answer": update(Member).where(_of_account).values(name="x").returning(_licenses),
    "an insert's values": insert(Member).values(account_id=parameter("account_id"), name=_licenses),
    "an insert's answer": insert(Member).values(account_id=parameter("account_id")).returning(_licenses),
    "an insert over another": insert(Member)
    .values(account_id=parameter("account_id"))
    .on_conflict_do_update(index_elements=["id"], set_={"name": _licenses}),
}


@pytest.mark.parametrize("statement", BOUND.values(), ids=BOUND)
def test_what_is_bound_to_one_account_compiles(statement: Any) -> None:
    assert compiled(statement)[0]


@pytest.mark.parametrize("statement", UNBOUND.values(), ids=UNBOUND)
def test_what_is_not_does_not(statement: Any) -> None:
    with pytest.raises(UnboundStatement, match="compare account_id with"):
        compiled(statement)
    with pytest.raises(UnboundStatement):
        _ = Statement(lambda: statement).sql


NOT_TABLES: dict[str, Any] = {
    "a table by its name alone": table("licenses", column("account_id"), column("site")),
    "rows of values": values(column("account_id", Uuid), name="v").data([(uuid4(),)]),
}


@pytest.mark.parametrize("source", NOT_TABLES.values(), ids=NOT_TABLES)
def test_what_cannot_be_checked_does_not_compile(source: Any) -> None:
    with pytest.raises(UnboundStatement, match="read from a table or a SELECT"):
        compiled(select(source.c.account_id).where(source.c.account_id == parameter("account_id")))


def test_a_table_within_an_expression_is_one_of_the_statement() -> None:
    rows = select(func.row_to_json(cast("Any", License).__table__.table_valued()))

    assert compiled(rows.where(col(License.account_id) == parameter("account_id")))[0]
    with pytest.raises(UnboundStatement, match="licenses: compare account_id with a parameter"):
        compiled(rows)


async def test_a_change_writes_within_its_account_alone(database: Database) -> None:
    member = new_row(Member, account_id=uuid4(), name="A", role=Role.VIEWER)
    link = new_row(DownloadLink, token_hash=b"x", account_id=uuid4(), credential_label="x")

    async with database.transaction() as connection:
        writer = RowWriter(connection, uuid4())
        assert await writer.find(Member, member.id) is None
        with pytest.raises(RowNotFound, match="Member: there is no such row"):
            await writer.update(member, role=Role.ADMIN)
        with pytest.raises(RowNotFound, match="Member: not all of the rows"):
            await writer.update_all([member], role=Role.ADMIN)
        with pytest.raises(UnboundStatement, match="download_links: compare account_id with a parameter"):
            await writer.update(link, credential_label="y")
        with pytest.raises(UnboundStatement):
            await writer.fetch(Statement(lambda: update(Member).values(name="x")))


def test_a_list_that_is_not_bound_is_not_written() -> None:
    """By the engine, whose lists are conditions on a table."""
    order = Order("id", (col(Member.id),))
    shape = Shape(Member)
    shape.column(0, "name")
    bound = Condition(lambda account_id: col(Member.account_id) == account_id)(1)

    assert write_rows(shape, RowQuery(Listing(Member, (bound,), order), limit=1)).parts
    for write in (lambda query: write_rows(shape, query), write_count):
        with pytest.raises(UnboundStatement, match="members: compare account_id with a parameter"):
            write(RowQuery(Listing(Member, (), order), limit=1))


def test_a_statement_across_accounts_joins_no_two() -> None:
    why = "a token says of which account it is"
    joined = select(col(License.site)).join(Member, col(Member.id) == col(License.holder_id))

    assert Statement(lambda: members(), across_accounts=why).sql
    assert Statement(lambda: union_all(select(col(License.site)), members()), across_accounts=why).sql
    with pytest.raises(UnboundStatement, match="with that of the others"):
        _ = Statement(lambda: joined, across_accounts=why).sql
    with pytest.raises(UnboundStatement, match="with that of the others"):
        _ = Statement(lambda: union_all(members(), joined), across_accounts=why).sql
