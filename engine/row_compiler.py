"""Compiles fields that are read from rows: one statement for a list, whose records become the response
without an object for each row. `row_fields.py` has the declarations that say where a field's value comes
from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from asyncpg import Record
from graphql import GraphQLError, GraphQLObjectType, get_named_type, get_nullable_type, is_non_null_type
from sqlalchemy import inspect
from sqlmodel import SQLModel

from engine import row_reader as rows
from engine.column_values import pattern_of
from engine.compiler import PLANNED, Code, Compiler, FieldReaders, SelectedField, Selection
from engine.conditions import ParentRow
from engine.pagination import Listing, Page, Slice
from engine.preparation import Preparation, Prepare
from engine.query import RowQuery, Shape
from engine.row_fields import ROW, ComputedFrom, GlobalId, RenamedColumn, Same, ToMany, ToOne
from engine.runtime import ForbiddenBeforeReading, Request, gather, stop
from engine.snapshots import attributes, snapshot


@dataclass(frozen=True, slots=True)
class Total:
    """`totalCount`: counted together with the page."""

    def plan(self, compiler: Compiler, selected: SelectedField, readers: FieldReaders) -> Code:
        return compiler.completed(selected.definition.type, selected.selection, "o.total", readers)


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """Field metadata of a connection: one statement for a page of it, also where it is nested."""

    read: Callable[..., Listing]

    def plan(self, compiler: Compiler, selected: SelectedField, readers: FieldReaders) -> Code:
        pages = _Pages.of(compiler, selected, Preparation(), is_nested=False)
        completed = pages.completed(compiler, selected)
        read = compiler.constant(_ReadPage(self.read, pages))
        body = [
            f"k = {compiler.constant(compiler.arguments(selected))}(c)",
            *compiler.allowed(selected),
            f"p, c = await {read}(o, c, k)",
            f"return {'await ' if completed.awaits else ''}{completed.text}(p, c)",
        ]
        return Code(f"{compiler.function(body, awaits=True).text}(o, c)", True)


@dataclass(frozen=True, slots=True)
class _Pages:
    """The part of a connection's pages that is selected."""

    reader: "RowReader"
    names: set[str]
    """The connection's fields that are selected."""

    @classmethod
    def of(
        cls, compiler: Compiler, selected: SelectedField, preparation: Preparation, *, is_nested: bool
    ) -> "_Pages":
        kind = cast("GraphQLObjectType", get_named_type(selected.definition.type))
        node = cast("GraphQLObjectType", get_named_type(kind.fields["nodes"].type))
        reader = RowReader(preparation, Shape(shown(node)), is_nested)
        names = {each.node.name.value for each in _fields(compiler, kind, selected.selection)}
        reader.shape.cursors = any(
            each.node.name.value in ("cursor", "startCursor", "endCursor")
            for outer in _fields(compiler, kind, selected.selection)
            if outer.node.name.value in ("edges", "pageInfo")
            for each in _fields(compiler, _object_type(outer), outer.selection)
        )
        return cls(reader, names)

    def completed(self, compiler: Compiler, selected: SelectedField) -> Code:
        """Returns the function that completes a page. Each call adds the selected columns to the shape."""
        kind = cast("GraphQLObjectType", get_named_type(selected.definition.type))
        node = get_named_type(kind.fields["nodes"].type)
        return compiler.object(kind, selected.selection, {node.name: self.reader})

    @property
    def has_rows(self) -> bool:
        return bool(self.names & {"edges", "nodes", "pageInfo"})

    @property
    def has_total(self) -> bool:
        return "totalCount" in self.names

    def query(self, listing: Listing, slice: Slice, prepared: list[Any]) -> RowQuery:
        """Reads one row more where the response says whether there are more."""
        nested = [prepared[index] for index in self.reader.lists]
        return RowQuery(listing, slice, nested, one_more="pageInfo" in self.names)


class _ReadPage:
    """Reads a page of a connection whose parent object is known."""

    def __init__(self, read: Callable[..., Listing], pages: _Pages) -> None:
        self._read, self._pages = read, pages

    async def __call__(
        self, root: object, request: Request, arguments: dict[str, object]
    ) -> tuple[Page, Request]:
        slice = _slice(arguments)
        subject = () if root is None else (root,)
        listing = self._read(request.context, *subject, **arguments)
        account_id = getattr(root, "account_id", None)
        request = self._pages.reader.preparation.run(request, account_id)
        keys = _key_places(self._pages.reader.shape, listing)
        if not self._pages.has_total:
            records = await self._records(request, listing, slice, account_id)
            return Page(listing, slice, records, None, keys), request
        counted = rows.count(request.context.database, listing, account_id)
        records, total = await gather([self._records(request, listing, slice, account_id), counted])
        return Page(listing, slice, records, total, keys), request

    async def _records(
        self, request: Request, listing: Listing, slice: Slice, account_id: UUID | None
    ) -> Sequence[Record]:
        query = self._pages.query(listing, slice, request.planned)
        if not self._pages.has_rows:
            return ()
        return await rows.records(request.context.database, self._pages.reader.shape, query, account_id)


@dataclass
class RowReader:
    """Writes code that reads records of a shape; `o` is one of them."""

    preparation: Preparation
    shape: Shape
    is_nested: bool
    """Whether the records are values of another statement's rows."""
    lists: list[int] = field(default_factory=list)
    """Positions in the preparation of the lists that belong to each row."""

    def expression(self, compiler: Compiler, kind: GraphQLObjectType, selection: Selection) -> Code:
        return self._object(compiler, kind, selection, 0, True)

    def _object(
        self, compiler: Compiler, kind: GraphQLObjectType, selection: Selection, place: int, sure: bool
    ) -> Code:
        items = [
            (each, Code(repr(kind.name)))
            if isinstance(each, str)
            else (each.name, self._field(compiler, each, place, sure))
            for each in compiler.selected(kind, selection)
        ]
        return _dictionary(compiler, items)

    def _field(self, compiler: Compiler, selected: SelectedField, place: int, sure: bool) -> Code:
        planned, how = selected.field.metadata.get(PLANNED), selected.field.metadata.get(ROW)
        if isinstance(planned, ConnectionPlan):
            written = self._connection(compiler, selected, planned, place)
        elif isinstance(how, Same):
            written = self._object(compiler, _object_type(selected), selected.selection, place, sure)
        elif isinstance(how, ToOne):
            written = self._to_one(compiler, selected, how, place, sure)
        elif isinstance(how, ToMany):
            written = self._to_many(compiler, selected, how, place)
        elif isinstance(how, GlobalId):
            digits = f"o[{self.shape.column(place, 'id', as_text=True)}]"
            written = Code(f"{how.prefixes[self._table(place)] + '_'!r} + {digits}")
        elif isinstance(how, ComputedFrom):
            written = self._computed_from(compiler, selected, how, place)
        elif isinstance(how, RenamedColumn):
            written = self._leaf(compiler, selected, how.name, place, sure)
        elif selected.field.base_resolver is None and selected.field.python_name in attributes(
            self._table(place)
        ):
            written = self._leaf(compiler, selected, selected.field.python_name, place, sure)
        else:
            return self._of_snapshot(compiler, selected, place)
        return self._allowed(compiler, selected, place, written)

    def _computed_from(
        self, compiler: Compiler, selected: SelectedField, how: ComputedFrom, place: int
    ) -> Code:
        if how.expression is not None:
            value = f"o[{self.shape.expression(place, how.columns, how.expression)}]"
            return self._value(compiler, selected, value, how.expression().type, sure=False)
        columns = ", ".join(self._column(place, name) for name in how.columns)
        value = f"{compiler.constant(how.function)}({columns})"
        return compiler.completed(selected.definition.type, selected.selection, value, {})

    def _allowed(self, compiler: Compiler, selected: SelectedField, place: int, written: Code) -> Code:
        for allow in selected.permissions:
            step = self.preparation.add(_within(allow))
            if allow.own is None:
                continue
            may = f"c.planned[{step}]"
            own = f"o[{self.shape.column(place, allow.own, as_text=True)}]"
            refused = f"{may} is not None and not {may}({own})"
            if written.awaits:
                body = [f"if {refused}: {compiler.constant(stop)}()", f"return await {written.text}"]
                written = Code(f"{compiler.function(body, awaits=True).text}(o, c)", True)
            else:
                written = Code(f"({compiler.constant(stop)}() if {refused} else {written.text})")
        return written

    def _leaf(self, compiler: Compiler, selected: SelectedField, name: str, place: int, sure: bool) -> Code:
        column = inspect(self._table(place)).columns[name]
        is_time = getattr(get_nullable_type(selected.definition.type), "name", "") == "DateTime"
        value = f"o[{self.shape.column(place, name, as_text=is_time)}]"
        return self._value(compiler, selected, value, column.type, sure=sure and not column.nullable)

    def _value(
        self, compiler: Compiler, selected: SelectedField, text: str, sa_type: object, *, sure: bool
    ) -> Code:
        """Code that serializes a column or an expression. With `sure`, it is never null."""
        kind = selected.definition.type
        pattern = pattern_of(get_nullable_type(kind), sa_type, compiler)
        if pattern is None:
            return compiler.completed(kind, selected.selection, text, {})
        if sure or (pattern == "{}" and not is_non_null_type(kind)):
            return Code(pattern.format(text))
        null = f"{compiler.constant(stop)}()" if is_non_null_type(kind) else "None"
        return Code(f"({null} if {text} is None else {pattern.format(text)})")

    def _to_one(
        self, compiler: Compiler, selected: SelectedField, how: ToOne, place: int, sure: bool
    ) -> Code:
        nullable = inspect(self._table(place)).columns[how.column].nullable
        sure = sure and not nullable
        joined = self.shape.join(place, how.table, how.column, required=sure)
        written = self._object(compiler, _object_type(selected), selected.selection, joined, sure)
        if sure:
            return written
        null = f"{compiler.constant(stop)}()" if is_non_null_type(selected.definition.type) else "None"
        found = f"{self._column(joined, 'id')} is None"
        if written.awaits:
            body = [f"return {null} if {found} else await {written.text}"]
            return Code(f"{compiler.function(body, awaits=True).text}(o, c)", True)
        return Code(f"({null} if {found} else {written.text})")

    def _to_many(self, compiler: Compiler, selected: SelectedField, how: ToMany, place: int) -> Code:
        reader = RowReader(self.preparation, Shape(how.table), is_nested=True)
        item = reader.expression(compiler, _object_type(selected), selected.selection)
        step = self.preparation.add(
            lambda _request, account_id, prepared: RowQuery(
                Listing(how.table, (how.referring(ParentRow(account_id)),), how.order),
                None,
                [prepared[index] for index in reader.lists],
            )
        )
        self.lists.append(step)
        records = compiler.counted(selected, self._records(compiler, place, reader))
        return _of_each(compiler, item, records)

    def _connection(
        self, compiler: Compiler, selected: SelectedField, planned: ConnectionPlan, place: int
    ) -> Code:
        pages = _Pages.of(compiler, selected, self.preparation, is_nested=True)
        arguments = compiler.arguments(selected)
        is_plain = pages.names == {"nodes"}
        nodes = self._nodes(compiler, selected, pages.reader) if is_plain else []
        is_account = _is_account(self._table(place))
        completed = None if is_plain else pages.completed(compiler, selected)

        def prepare(request: Request, account_id: UUID | None, prepared: list[object]) -> RowQuery:
            given = arguments(request)
            slice = _slice(given)
            listing = planned.read(request.context, ParentRow(account_id, is_account=is_account), **given)
            return pages.query(listing, slice, prepared)

        step = self.preparation.add(prepare)
        self.lists.append(step)
        records = self._records(compiler, place, pages.reader, is_read=pages.has_rows)
        if completed is None:
            return _plain_page(compiler, nodes, f"c.planned[{step}].in_order({records})")
        total = f"o[{self.shape.length(len(self.shape.lists) - 1)}]" if pages.has_total else "None"
        shape = compiler.constant(pages.reader.shape)
        page = f"{compiler.constant(_nested_page)}(c.planned[{step}], {shape}, {records}, {total})"
        return Code(f"{completed.text}({page}, c)", completed.awaits)

    def _nodes(
        self, compiler: Compiler, selected: SelectedField, reader: "RowReader"
    ) -> list[tuple[str, Code | str]]:
        """Functions that complete a row, one for each selection of `nodes`. A string stands for a
        `__typename`."""
        return [
            (each, _object_type(selected).name)
            if isinstance(each, str)
            else (each.name, reader.expression(compiler, _object_type(each), each.selection))
            for each in compiler.selected(_object_type(selected), selected.selection)
        ]

    def _records(self, compiler: Compiler, place: int, reader: "RowReader", *, is_read: bool = True) -> str:
        number = self.shape.list_of(place, reader.shape)
        self.preparation.count_list()
        if not is_read:
            return "()"
        # Within a record the driver does not know the types of arrays: only a statement's own columns are
        # described to it.
        if self.is_nested or not reader.shape.is_flat:
            return f"o[{self.shape.records(number)}]"
        if not reader.shape.slots:
            reader.shape.column(0, attributes(reader.shape.table)[0])
        values = "".join(f"o[{index}], " for index in self.shape.values(number))
        return f"{compiler.constant(_zipped)}({values})"

    def _of_snapshot(self, compiler: Compiler, selected: SelectedField, place: int) -> Code:
        """Code of a field whose resolver needs an object of the whole row."""
        planned = selected.field.metadata.get(PLANNED)
        written = planned.plan(compiler, selected, {}) if planned else compiler.resolved(selected, {})
        function = compiler.function([f"return {written.value}"], awaits=written.awaits)
        table = self._table(place)
        values = ", ".join(self._column(place, name) for name in attributes(table))
        made = f"{compiler.constant(snapshot)}({compiler.constant(table)}, ({values},))"
        return Code(f"{function.text}({made}, c)", written.awaits)

    def _table(self, place: int) -> type[SQLModel]:
        return self.shape.joins[place - 1].table if place else self.shape.table

    def _column(self, place: int, name: str) -> str:
        return f"o[{self.shape.column(place, name)}]"


def _dictionary(compiler: Compiler, items: Sequence[tuple[str, Code]]) -> Code:
    if any(code.awaits for _, code in items):
        return Code(f"{compiler.dictionary(items).text}(o, c)", True)
    return Code(f"{{{', '.join(f'{name!r}: {code.text}' for name, code in items)}}}")


def _plain_page(compiler: Compiler, nodes: Sequence[tuple[str, Code | str]], records: str) -> Code:
    """A page of which only `nodes` are selected. No page object is made."""
    items = [
        (name, Code(repr(node)) if isinstance(node, str) else _of_each(compiler, node, records))
        for name, node in nodes
    ]
    return _dictionary(compiler, items)


def _of_each(compiler: Compiler, item: Code, records: str) -> Code:
    """A list that has an item for each record."""
    items = f"[{item.text} for o in {records}]"
    return Code(f"{compiler.constant(gather)}({items})", True) if item.awaits else Code(items)


def _is_account(table: type[SQLModel]) -> bool:
    """Whether the table is that of accounts, whose `account_id` is their own id."""
    return "account_id" not in attributes(table) and hasattr(table, "account_id")


def _within(allow: Any) -> Prepare:
    def prepare(request: Request, account_id: UUID | None, _prepared: list[object]) -> object:
        try:
            return allow.within(request.context, account_id)
        except GraphQLError as refusal:
            raise ForbiddenBeforeReading from refusal

    return prepare


def shown(kind: GraphQLObjectType) -> type[SQLModel]:
    """The table whose rows an object type shows."""
    return cast("type[SQLModel]", kind.extensions["strawberry-definition"].origin.shows)


def _object_type(selected: SelectedField) -> GraphQLObjectType:
    return cast("GraphQLObjectType", get_named_type(selected.definition.type))


def _fields(compiler: Compiler, kind: GraphQLObjectType, selection: Selection) -> list[SelectedField]:
    return [each for each in compiler.selected(kind, selection) if isinstance(each, SelectedField)]


def _slice(arguments: dict[str, Any]) -> Slice:
    return Slice(*(arguments.pop(name, None) for name in ("first", "after", "last", "before")))


def _zipped(*columns: list[object] | None) -> list[object]:
    return [] if columns[0] is None else list(zip(*columns, strict=True))


def _nested_page(query: RowQuery, shape: Shape, records: Sequence[Record], total: int | None) -> Page:
    total = None if total is None else rows.counted(query.listing, total)
    keys = _key_places(shape, query.listing)
    return Page(query.listing, query.slice or Slice(), records, total, keys)


def _key_places(shape: Shape, listing: Listing) -> Sequence[int]:
    """The keys of the order are read only where cursors are selected."""
    return shape.key_places(listing.order) if shape.cursors else ()
