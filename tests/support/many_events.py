"""Logs that are too long to be written event by event."""

from tests.support.stored_keys import uuid_of
from tests.support.world import Person, World

_WRITE = """BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE pg_index SET indisready = false WHERE indexrelid = 'ix_audit_events_search'::regclass;
INSERT INTO audit_events (account_id, sequence, id, occurred_at, action, outcome, summary, actor_kind,
  actor_member_id, actor_name, request_id, details, previous_hash, hash)
SELECT account_id, place, gen_random_uuid(), timestamptz '2101-01-01T00:00:00Z' + n * interval '1 s',
  'MEMBER_JOINED', 'ALLOWED', 'Somebody joined as Member, number ' || n,
  CASE WHEN member_id IS NULL THEN 'SYSTEM' ELSE 'MEMBER' END, member_id, 'Team access', 'many',
  json_build_object('role', 'MEMBER', 'note', repeat('x', {note_bytes})), hash, hash
FROM audit_heads,
  LATERAL (SELECT n, 1000 + n AS place FROM generate_series(0, {count} - 1) AS n) AS places,
  LATERAL (SELECT CASE WHEN place % {every} = 0 THEN {member} END AS member_id) AS actors;
UPDATE pg_index SET indisready = true WHERE indexrelid = 'ix_audit_events_search'::regclass;
COMMIT"""


async def more_events(
    world: World, count: int, of: Person | None = None, every: int = 1, note_bytes: int = 0
) -> None:
    """Events past the trigger, a second after another, with a note of so many bytes. One of `every` so many
    is of the person.

    A search for a text does not find them, because four fifths of the time would be its index's.
    """
    member = f"'{uuid_of(of.member_id)}'::uuid" if of else "NULL::uuid"
    await world.superuser.execute(
        _WRITE.format(count=count, every=every, member=member, note_bytes=note_bytes)
    )
