"""Statements that write several rows, and tables for which there are none."""

from uuid import uuid4

import pytest

from engine.row_writer import RowWriter
from engine.snapshots import new_row
from models.billing import BillingDetails
from models.database import Database
from models.members import Member, Role


async def test_a_column_that_others_derive_from_is_updated_row_by_row(database: Database) -> None:
    members = [new_row(Member, account_id=uuid4(), name=name, role=Role.VIEWER) for name in "AB"]

    async with database.transaction() as connection:
        with pytest.raises(TypeError, match="Member: columns derive from name; update one row at a time"):
            await RowWriter(connection, members[0].account_id).update_all(members, name="C")


async def test_rows_with_arrays_are_inserted_one_by_one(database: Database) -> None:
    details = [
        new_row(BillingDetails, account_id=uuid4(), address_lines=["Shop", "Street 1"]) for _ in range(2)
    ]

    async with database.transaction() as connection:
        with pytest.raises(TypeError, match="BillingDetails has an array: insert one row at a time"):
            await RowWriter(connection).insert(*details)
