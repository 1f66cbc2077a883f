-- A change of an account's rows is committed with an event of that account, or not at all. The migration creates
-- a trigger with each function for each audited table.

-- Each event that is appended writes the head of its account's log, and nothing else does: if this transaction has
-- written the head, there is an event. (An event appended in a savepoint does not count.) Columns are compared last,
-- since there nearly always is an event. TG_ARGV holds the columns that may change without one.
CREATE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed record;
    account uuid;
BEGIN
    IF TG_OP = 'DELETE' THEN changed := OLD; ELSE changed := NEW; END IF;
    IF TG_TABLE_NAME = 'accounts' THEN account := changed.id; ELSE account := changed.account_id; END IF;
    IF EXISTS (
        SELECT FROM audit_heads WHERE account_id = account AND xmin = pg_current_xact_id()::xid
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - TG_ARGV = to_jsonb(NEW) - TG_ARGV THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'a change of % needs an event of its account in the same transaction', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- A row never moves to another account: the log of the account that it left would not mention it.
CREATE FUNCTION audit_keep_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of % never moves to another account', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

REVOKE EXECUTE ON FUNCTION audit_require_event(), audit_keep_account() FROM PUBLIC;
