"""The number of a report's rows is counted while the account is locked, so it reads no other tables."""

from uuid import UUID

import pytest

from engine.fair_share import Claim
from models.database import Database
from models.members import Role
from permissions.viewer import Membership
from resolvers.reports.files import counting, first_rows
from resolvers.reports.queries import ReportFormat, ReportKind, ReportRequest, rows_of
from tests.licenses.test_licenses import provision
from tests.support.world import World


@pytest.mark.parametrize("kind", ReportKind)
async def test_counting_joins_no_tables(
    world: World, themes: dict[str, str], database: Database, kind: ReportKind
) -> None:
    await provision(world, themes["aurora"])
    account_id, member_id = (
        UUID(each.partition("_")[2]) for each in (world.account_id, world.admin.member_id)
    )
    membership = Membership(account_id, member_id, Role.ADMIN)
    report = rows_of(ReportRequest(kind, ReportFormat.PDF), membership)
    statement = counting(report, 100)

    ((count,),) = await database.fetch(statement.sql, *statement.arguments(**report.values))

    assert "JOIN" not in statement.sql
    assert count == len(await first_rows(database, Claim(account_id), report, 100))
    assert count or kind is ReportKind.INVOICES
