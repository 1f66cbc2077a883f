-- Erasing a person: its names, addresses and IP numbers leave the audit log, and every hash stays as it is.

-- Persons whose erasure has begun. email and names are what is looked for; they are deleted when the person has been
-- erased in each account (erased_at). The row stays until no process can still write an event of the person.
CREATE TABLE erasures (
    user_id uuid NOT NULL,
    email varchar,
    names varchar[] NOT NULL,
    by_operator boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    erased_at timestamptz,
    CONSTRAINT pk_erasures PRIMARY KEY (user_id),
    CONSTRAINT fk_erasures_user_id FOREIGN KEY (user_id) REFERENCES users (id)
);

-- Erases the person from the events of an account, and appends a PERSON_ERASED event for each of its memberships, or
-- else for the invitation or the account; `is_changed` says that other rows of the account were erased in this
-- transaction. Without either it appends nothing. Returns the number of events from which the person was erased.
-- Deletes the counts of the calls of the person's API keys too.
--
-- It is the only way to change an event, and it can change nothing else: what is erased follows from the tables, and
-- audit_keep_hash() compares each hash.
CREATE FUNCTION erase_events(account uuid, person uuid, is_changed boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    erasure erasures%ROWTYPE;
    of_person uuid[];
    invited uuid[];
    targets uuid[];
    named uuid[];
    address uuid;
    sequences bigint[];
    event audit_events;
    erased audit_events;
    number bigint := 0;
BEGIN
    IF account IS DISTINCT FROM nullif(current_setting('team_access.account_id', true), '')::uuid THEN
        RAISE EXCEPTION 'this transaction is not of account %', account USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM accounts WHERE id = account FOR NO KEY UPDATE;
    SELECT * INTO erasure FROM erasures WHERE user_id = person;
    IF NOT FOUND OR EXISTS (
        SELECT FROM members WHERE account_id = account AND user_id = person AND removed_at IS NULL
    ) THEN
        RAISE EXCEPTION 'only a person who has left the account, and whose erasure has begun, is erased'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    of_person := ARRAY(SELECT id FROM members WHERE account_id = account AND user_id = person ORDER BY id);
    -- Admins enter billing details. Somebody else could take the name of the account's company as its own.
    IF NOT EXISTS (SELECT FROM members WHERE account_id = account AND user_id = person AND role = 'ADMIN') THEN
        erasure.names := '{}';
    END IF;
    -- An address that somebody uses again in this account belongs to that person.
    IF erasure.email IS NOT NULL AND NOT EXISTS (
        SELECT FROM members WHERE account_id = account AND email = erasure.email AND removed_at IS NULL
    ) THEN
        address := encode(substr(sha256(convert_to('email address ' || erasure.email, 'UTF8')), 1, 16), 'hex');
    END IF;
    invited := ARRAY(
        SELECT id FROM invitations WHERE account_id = account AND accepted_by_id = ANY (of_person)
        UNION
        SELECT target_id FROM audit_events
        WHERE account_id = account AND named_ids @> ARRAY[address] AND target_type = 'Invitation'
    );
    targets := of_person || invited
        || ARRAY(SELECT id FROM api_keys WHERE account_id = account AND member_id = ANY (of_person));
    named := array_remove(of_person || address, NULL);
    sequences := ARRAY(
        SELECT sequence FROM audit_events WHERE account_id = account AND actor_member_id = ANY (of_person)
        UNION
        -- API calls, whose targets are in no index, are about the key of their own actor.
        SELECT sequence FROM audit_events
        WHERE account_id = account AND target_id = ANY (targets) AND action <> 'API_CALLED'
        UNION
        SELECT sequence FROM audit_events WHERE account_id = account AND named_ids && named
        UNION
        SELECT sequence FROM audit_events
        WHERE account_id = account AND action = 'BILLING_DETAILS_CHANGED' AND erasure.names <> '{}'
    );
    FOR event IN
        SELECT * FROM audit_events
        WHERE account_id = account AND sequence = ANY (sequences) AND action <> 'PERSON_ERASED'
        ORDER BY sequence
    LOOP
        erased := audit_without_person(
            event,
            coalesce(event.actor_member_id = ANY (of_person), false)
                OR coalesce(event.credential_kind = 'INVITATION' AND event.credential_id = ANY (invited), false),
            coalesce(event.target_id = ANY (targets), false),
            named,
            erasure.names
        );
        IF erased::text <> event::text THEN
            UPDATE audit_events SET summary = erased.summary, actor_name = erased.actor_name,
                credential_label = erased.credential_label, target_name = erased.target_name, ip = erased.ip,
                user_agent = erased.user_agent, personal_details = erased.personal_details, salt = erased.salt,
                field_salts = erased.field_salts, commitments = erased.commitments,
                named_ids = erased.named_ids, named_fields = erased.named_fields
            WHERE account_id = account AND sequence = event.sequence;
            number := number + 1;
        END IF;
    END LOOP;
    IF number > 0 OR is_changed THEN
        PERFORM append_person_erased(account, erasure.by_operator, of_person, invited);
    END IF;
    -- On which days, and how often, the person's API keys were used. The log is locked first, as by a call.
    PERFORM FROM audit_heads WHERE account_id = account FOR UPDATE;
    DELETE FROM api_key_days AS used USING api_keys AS key
    WHERE used.account_id = account AND key.account_id = account AND key.id = used.api_key_id
        AND key.member_id = ANY (of_person);
    RETURN number;
END
$$;

CREATE FUNCTION append_person_erased(account uuid, by_operator boolean, of_person uuid[], invited uuid[])
RETURNS void LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO audit_events (
        account_id, id, action, outcome, summary, actor_kind, actor_member_id, actor_name, credential_kind,
        credential_id, credential_label, target_type, target_id, target_name, details
    )
    SELECT account, gen_random_uuid(), 'PERSON_ERASED', 'ALLOWED',
        CASE WHEN by_operator THEN 'The operator erased a person' ELSE 'Erased person was erased on request' END,
        CASE WHEN by_operator OR member IS NULL THEN 'SYSTEM' ELSE 'MEMBER' END,
        CASE WHEN NOT by_operator THEN member END,
        CASE WHEN by_operator THEN 'The operator' ELSE 'Erased person' END,
        CASE WHEN by_operator THEN 'OPERATOR' END,
        CASE WHEN by_operator THEN '00000000-0000-7000-8000-000000000001'::uuid END,
        CASE WHEN by_operator THEN 'team-access' END,
        CASE WHEN member IS NOT NULL THEN 'Member' WHEN invited <> '{}' THEN 'Invitation' ELSE 'Account' END,
        coalesce(member, invited[1], account), 'Erased person', '{}'
    FROM (
        SELECT member FROM unnest(of_person) AS member
        UNION ALL SELECT NULL WHERE of_person = '{}'
    ) AS memberships
$$;
REVOKE EXECUTE ON FUNCTION
    erase_events(uuid, uuid, boolean), append_person_erased(uuid, boolean, uuid[], uuid[]) FROM PUBLIC;

-- Events are never updated, not even by the tables' owner, except that values of personal fields are replaced while
-- the commitments to them take their place. The hash is the same, recomputed from the new row: it covers every other
-- column but the salts and commitments themselves, the folded summary, and the ids of named persons. An event that
-- was changed without the triggers, so that its hash no longer matches, stops an erasure: it is evidence.
CREATE FUNCTION audit_keep_hash() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.hash = OLD.hash AND NEW.version = OLD.version AND NEW.commitments IS NOT NULL
        AND audit_event_hash(NEW) = OLD.hash
        AND (NEW.commitments->>'actorName' IS NULL OR NEW.actor_name = 'Erased person')
        AND (NEW.commitments->>'targetName' IS NULL OR NEW.target_name = 'Erased person')
        AND (NEW.commitments->>'credentialLabel' IS NULL OR NEW.credential_label = 'Erased person')
        AND (NEW.commitments->>'ip' IS NULL OR NEW.ip IS NULL)
        AND (NEW.commitments->>'userAgent' IS NULL OR NEW.user_agent IS NULL)
    THEN
        RETURN NEW;
    END IF;
    IF audit_event_hash(OLD) <> OLD.hash THEN
        RAISE EXCEPTION 'event % of the audit log of % was changed in the database', OLD.sequence,
            (SELECT slug FROM accounts WHERE id = OLD.account_id)
            USING ERRCODE = 'data_corrupted', TABLE = 'audit_events';
    END IF;
    RAISE EXCEPTION 'the audit log cannot be rewritten' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_keep BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_keep_hash();

-- An erased person joins no account and opens no session, whatever began before the erasure.
CREATE FUNCTION require_person() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM users WHERE id = NEW.user_id AND erased_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the person was erased' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER members_person BEFORE INSERT ON members FOR EACH ROW EXECUTE FUNCTION require_person();
CREATE TRIGGER sessions_person BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION require_person();
