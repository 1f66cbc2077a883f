"""Whatever is erased and withheld, both verifiers accept the log, and no other change of it."""

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_proof.chain import PERSONAL
from audit_proof.diagnosis import Damage
from audit_proof.verification import Unreadable, verify
from models.audit_fields import AuditField
from tests.audit.test_audit_export import exported
from tests.audit.test_audit_verify import by_node
from tests.support import chain
from tests.support.beginnings import Beginnings
from tests.support.changes import CHANGE_ROLE, INVITE_ONE, PROVISION_LICENSE, TRANSFER_LICENSE
from tests.support.people import erased, joined, log
from tests.support.rewriting import with_end
from tests.support.world import Person, World

NAMES = {"Zoe": "zoe@example.org", "Zoe Yeo": "yeo@example.org", "Yeo": "y@example.org"}
SUBSETS = [list(names) for size in range(4) for names in combinations(NAMES, size)]
_IDS = """SELECT name, id, ARRAY(SELECT id FROM invitations WHERE accepted_by_id = members.id) AS invitations
  FROM members WHERE name = ANY($1)"""
_FIELDS = [*PERSONAL, "details", "details.holder", "details.email"]


@pytest.fixture
async def people(world: World, themes: dict[str, str], beginnings: Beginnings) -> dict[str, Person]:
    """Three people who appear in each other's events."""

    async def arrange() -> dict[str, Person]:
        await world.grant("aurora", 9)
        people = {name: await joined(world, name, email) for name, email in NAMES.items()}
        wanted = {"accountId": world.account_id, "themeId": themes["aurora"]}
        for name, person in people.items():
            site = f"{name.replace(' ', '-').lower()}.example.com"
            license = (await person.change(PROVISION_LICENSE, **wanted, site=site))["license"]
            for other in people.values():
                await world.admin.change(
                    TRANSFER_LICENSE, licenseId=license["id"], toMemberId=other.member_id
                )
            input = {"accountId": world.account_id, "email": "zoe@example.org", "role": "ADMIN"}
            await person.post(INVITE_ONE, input=input)
            await world.admin.change(CHANGE_ROLE, memberId=person.member_id, role="VIEWER")
        return people

    return await beginnings.begin("people", world, arrange)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(st.sampled_from(list(NAMES)), st.lists(st.sampled_from(_FIELDS), max_size=3)), max_size=5
    )
)
async def test_any_erasures_and_withholdings_keep_the_hash(
    people: dict[str, Person], world: World, steps: list[str | list[str]]
) -> None:
    ids = {row["name"]: row for row in await world.superuser.fetch(_IDS, list(NAMES))}
    event, values = "audit_events", list[Sequence[object]]()
    for step in steps:
        if isinstance(step, list):
            values.append(step)
            event = f"audit_withhold({event}, ${len(values)}::text[])"
        else:
            values.append([ids[step]["id"], *ids[step]["invitations"]])
            place = f"${len(values)}::uuid[]"
            event = (
                f"audit_without_person({event}, coalesce(actor_member_id = ANY ({place}), false),"
                f" coalesce(target_id = ANY ({place}), false), {place}, '{{}}')"
            )

    # Without OFFSET, PostgreSQL would call the functions again for each column.
    each_event = f"SELECT {event} AS event FROM audit_events ORDER BY sequence OFFSET 0"
    found = await world.superuser.fetch(f"SELECT (event).* FROM ({each_event}) AS events", *values)

    assert chain.first_broken([dict(each) for each in found]) is None
    for each in found:
        assert not set(json.loads(each["field_salts"] or "{}")) & set(json.loads(each["commitments"] or "{}"))


@pytest.mark.parametrize("names", SUBSETS, ids=",".join)
async def test_the_log_of_any_subset_verifies(
    people: dict[str, Person], world: World, tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        await erased(world, people[name])

    withheld = [field.value for field in list(AuditField)[:: len(names) + 1]]
    for path in (
        await exported(world, tmp_path / "whole"),
        await exported(world, tmp_path / "withheld", withhold=withheld),
    ):
        assert verify(path).events > 25
        assert by_node(path).returncode == 4
        assert not [each for each in names if f'"{each}"' in path.read_text()]
    integrity = await world.admin.ask("{ account { auditIntegrity { verified } } }")
    assert integrity["account"]["auditIntegrity"] == {"verified": True}
    summaries = " | ".join(each["summary"] for each in await log(world))
    assert [name for name in NAMES if f"from {name} to" in summaries] == [
        name for name in NAMES if name not in names
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_byte_of_an_export_can_be_changed(
    people: dict[str, Person], world: World, tmp_path: Path, data: st.DataObject
) -> None:
    """Not even if the last line is written anew."""
    path = tmp_path / "erased" / "audit-log.ndjson"
    if not path.exists():
        await erased(world, people["Zoe"])
        await exported(world, tmp_path / "erased", withhold=["IP"])
    whole = path.read_bytes()
    end = whole.rindex(b"\n", 0, -1)
    place = data.draw(st.integers(0, end - 1))
    byte = data.draw(st.integers(0x20, 0x7E).filter(lambda each: each != whole[place]))

    changed = tmp_path / "changed.ndjson"
    lines = (whole[:place] + bytes([byte]) + whole[place + 1 :]).splitlines()
    changed.write_bytes(b"".join(line + b"\n" for line in with_end(lines)))

    with pytest.raises((Damage, Unreadable)):
        verify(changed)
    assert by_node(changed).returncode in (1, 2)
