"""The audit log numbers, chains and protects itself"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Every field is written as its length in bytes, a colon, its UTF-8 text and a comma; NULL is "-,".
# So no two different events are the same bytes, and a verifier needs nothing but SHA-256.
FIELD = """
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN value IS NULL THEN '-,' ELSE octet_length(value) || ':' || value || ',' END $$
"""

# pg_temp comes last: it would come first if it were not named, and any role may have tables there.
APPEND = """
CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head audit_heads%ROWTYPE;
BEGIN
    SELECT * INTO head FROM audit_heads WHERE account_id = NEW.account_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads (account_id, sequence, hash, occurred_at)
        VALUES (NEW.account_id, 0, decode(repeat('00', 32), 'hex'), clock_timestamp())
        RETURNING * INTO head;
    END IF;
    -- ON CONFLICT DO NOTHING would keep the head's new place and leave out the event.
    IF EXISTS (SELECT FROM audit_events WHERE account_id = NEW.account_id AND id = NEW.id) THEN
        RAISE EXCEPTION 'the audit log has this event already' USING ERRCODE = 'unique_violation';
    END IF;
    NEW.sequence := head.sequence + 1;
    -- Never earlier than the event before: within an account the log is in order of time as well.
    NEW.occurred_at := greatest(clock_timestamp(), head.occurred_at);
    NEW.previous_hash := head.hash;
    NEW.hash := sha256(head.hash || convert_to(
        audit_field(NEW.account_id::text)
        || audit_field(NEW.sequence::text)
        || audit_field(NEW.id::text)
        || audit_field(to_char(NEW.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        || audit_field(NEW.action)
        || audit_field(NEW.outcome)
        || audit_field(NEW.summary)
        || audit_field(NEW.actor_kind)
        || audit_field(NEW.actor_member_id::text)
        || audit_field(NEW.actor_name)
        || audit_field(NEW.credential_kind)
        || audit_field(NEW.credential_id::text)
        || audit_field(NEW.credential_label)
        || audit_field(NEW.target_type)
        || audit_field(NEW.target_id::text)
        || audit_field(NEW.target_name)
        || audit_field(NEW.ip)
        || audit_field(NEW.user_agent)
        || audit_field(NEW.request_id)
        || audit_field(NEW.details::text),
        'UTF8'));
    UPDATE audit_heads SET sequence = NEW.sequence, hash = NEW.hash, occurred_at = NEW.occurred_at
    WHERE account_id = NEW.account_id;
    RETURN NEW;
END
$$
"""

REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log cannot be rewritten' USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    op.execute(FIELD)
    op.execute(APPEND)
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER audit_events_append BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_append()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_keep BEFORE UPDATE OR DELETE ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_keep_all BEFORE TRUNCATE ON audit_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )


def downgrade() -> None:
    for trigger in ("audit_events_append", "audit_events_keep", "audit_events_keep_all"):
        op.execute(f"DROP TRIGGER {trigger} ON audit_events")
    op.execute("DROP FUNCTION audit_refuse(), audit_append(), audit_field(text)")
