"""Building blocks of the sections of a person's document: a section, and the values that its fields share."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func, null, select
from sqlalchemy.dialects.postgresql import array
from sqlmodel import SQLModel, col

from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression, AnySelect, table_of
from models.accounts import Account
from resolvers.api_texts import global_id_text
from resolvers.global_ids import PREFIXES

Fields = Mapping[str, AnyExpression]
"""Fields of a section by name."""


class Section:
    """A list of objects in the document. `select` selects the rows of the given fields; its parameters are
    those of `Person`."""

    def __init__(
        self,
        name: str,
        fields: Callable[[], Fields],
        rows: Callable[[AnySelect], AnySelect],
        across_accounts: str | None = None,
    ) -> None:
        self.name, self._build_fields = name, fields
        self.statement = Statement(lambda: rows(self._select()), across_accounts=across_accounts)

    @property
    def fields(self) -> Fields:
        return self._build_fields()

    def _select(self) -> AnySelect:
        return select(*(value.label(name) for name, value in self.fields.items()))


def mine(column: AnyExpression) -> ColumnElement[bool]:
    """Condition: the column has the id of one of the person's members."""
    return any_of(column, parameter("member_ids"))


def in_accounts(table: type[SQLModel]) -> ColumnElement[bool]:
    """Condition: the row is of an account that the person is or was a member of."""
    return any_of(table_of(table).c.account_id, parameter("account_ids"))


def account_of(table: type[SQLModel]) -> ColumnElement[Any]:
    """The account's id and name, where the statement joins it by `of_account`. Null without an account."""
    of = func.json_build_object("id", global_id_text(Account, col(Account.id)), "name", col(Account.name))
    return case((table_of(table).c.account_id.is_not(None), of), else_=null())


def of_account(table: type[SQLModel]) -> ColumnElement[bool]:
    """Condition: the row of `accounts` is that of the row's account."""
    return col(Account.id) == table_of(table).c.account_id


def relations(**columns: AnyExpression) -> ColumnElement[Any]:
    """The names of those columns that have the id of one of the person's members."""
    named = [case((mine(column), name), else_=null()) for name, column in columns.items()]
    return func.to_json(func.array_remove(array(named), null()))


def credential_id(kind: AnyExpression, id: AnyExpression) -> ColumnElement[str]:
    """Id of a credential, as the API shows it."""
    return func.lower(kind).concat("_").concat(_hex(id))


def target_id(type_name: AnyExpression, id: AnyExpression) -> ColumnElement[str]:
    """Id of an event's target, as the API shows it."""
    prefixes = {table.__name__: f"{prefix}_" for table, prefix in PREFIXES.items()}
    return case(prefixes, value=type_name).concat(_hex(id))


def _hex(id: AnyExpression) -> ColumnElement[str]:
    return func.encode(func.uuid_send(id), "hex")
