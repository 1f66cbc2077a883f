-- The audit log: events in one chain of hashes per account, appended by triggers and never rewritten.

-- The last event of each account's chain. Written by the triggers below only; its row lock orders the
-- chain.
CREATE TABLE audit_heads (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT pk_audit_heads PRIMARY KEY (account_id),
    CONSTRAINT fk_audit_heads_account_id FOREIGN KEY (account_id) REFERENCES accounts (id)
);

-- Names are those at the time of the event. No foreign keys: events outlive the rows that they refer to.
-- (account_id needs none: audit_heads has it, checked once per account and not once per event.)
--
-- The personal fields are summary, actor_name, credential_label, target_name, ip, user_agent and each key of
-- personal_details. The chain contains a commitment of each: a salted hash. When a person is erased, the
-- commitments of the erased fields go to commitments, salt is deleted, and field_salts keeps the salts of the
-- remaining fields, so that the event's hash can still be verified.
CREATE TABLE audit_events (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    action varchar(40) NOT NULL,
    outcome varchar(40) NOT NULL,
    summary varchar NOT NULL,
    actor_kind varchar(40) NOT NULL,
    actor_member_id uuid,
    actor_name varchar NOT NULL,
    credential_kind varchar(40),
    credential_id uuid,
    credential_label varchar,
    target_type varchar,
    target_id uuid,
    target_name varchar,
    ip varchar,
    user_agent varchar,
    request_id varchar,
    details json NOT NULL,
    personal_details json,
    version smallint NOT NULL DEFAULT 2,
    salt bytea DEFAULT uuid_send(gen_random_uuid()),
    field_salts json,
    commitments json,
    named_ids uuid[],
    named_fields text[],
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    summary_folded text COLLATE "C"
        GENERATED ALWAYS AS (CASE
            WHEN action = 'API_CALLED' THEN NULL
            -- As folded_text() does, without a call of it.
            WHEN octet_length(summary) = length(summary) AND length(summary) <= 1000 THEN lower(summary COLLATE "C")
            ELSE folded_text(summary)
        END) STORED,
    CONSTRAINT pk_audit_events PRIMARY KEY (account_id, sequence),
    CONSTRAINT ck_audit_events_salt CHECK (num_nonnulls(salt, field_salts) = 1 AND octet_length(salt) = 16),
    CONSTRAINT ck_audit_events_commitments CHECK ((commitments IS NULL) = (field_salts IS NULL)),
    CONSTRAINT ck_audit_events_named CHECK (cardinality(named_ids) IS NOT DISTINCT FROM cardinality(named_fields)),
    CONSTRAINT ck_audit_events_audit_action CHECK (action IN (
        'ACCOUNT_CREATED', 'ACCOUNT_UPDATED', 'ACCOUNT_LIMITS_CHANGED', 'SECURITY_POLICY_CHANGED', 'OWNERSHIP_TRANSFERRED',
        'MEMBER_INVITED', 'INVITATION_RESENT', 'INVITATION_ROLE_CHANGED', 'INVITATION_REVOKED', 'INVITATION_DECLINED',
        'INVITATION_EXPIRED', 'INVITATION_DELIVERY_FAILED', 'MEMBER_JOINED', 'MEMBER_RENAMED',
        'MEMBER_ROLE_CHANGED', 'MEMBER_REMOVED', 'MEMBER_LEFT', 'LICENSES_PURCHASED',
        'ENTITLEMENT_GRANTED', 'LICENSE_PROVISIONED', 'LICENSE_REVOKED', 'LICENSE_SUSPENDED',
        'LICENSE_REINSTATED', 'LICENSE_TRANSFERRED', 'LICENSE_EXPIRED', 'THEME_FILE_DOWNLOADED',
        'REPORT_DOWNLOADED', 'INVOICE_DOWNLOADED', 'API_KEY_GENERATED', 'API_KEY_CLAIMED',
        'API_KEY_ROTATED', 'API_KEY_UPDATED', 'API_KEY_REVOKED', 'API_CALLED', 'BILLING_DETAILS_CHANGED', 'INVOICE_ISSUED',
        'INVOICE_PAID', 'INVOICE_VOIDED', 'API_KEY_EXPIRED', 'AUDIT_LOG_PRUNED', 'AUDIT_STREAM_CREATED',
        'AUDIT_STREAM_UPDATED', 'AUDIT_STREAM_DELETED', 'AUDIT_STREAM_PAUSED', 'MEMBER_SIGNED_IN',
        'MEMBER_SESSIONS_ENDED', 'PERSON_ERASED', 'MEMBER_LIMITS_CHANGED', 'MEMBER_ACCESS_CHANGED',
        'MEMBER_ACCESS_ENDED', 'LICENSE_EXPIRY_CHANGED', 'LICENSE_SITE_CHANGED', 'LICENSE_KEY_ROTATED',
        'LICENSE_CERTIFICATE_ISSUED'
    )),
    CONSTRAINT ck_audit_events_audit_outcome CHECK (outcome IN ('ALLOWED', 'DENIED')),
    CONSTRAINT ck_audit_events_actor_kind CHECK (actor_kind IN ('MEMBER', 'SYSTEM')),
    CONSTRAINT ck_audit_events_credential_kind CHECK (credential_kind IN (
        'SESSION', 'API_KEY', 'INVITATION', 'OPERATOR', 'LICENSE_KEY'
    ))
);
-- A page costs the same however long the log is, with each filter. models/audit.py says what each index is for.
CREATE UNIQUE INDEX uq_audit_events_id ON audit_events (account_id, id);
CREATE INDEX ix_audit_events_action ON audit_events (account_id, action, sequence);
CREATE INDEX ix_audit_events_actor ON audit_events (account_id, actor_member_id, sequence);
CREATE INDEX ix_audit_events_actor_action ON audit_events (account_id, actor_member_id, action, sequence);
CREATE INDEX ix_audit_events_actor_denied ON audit_events (account_id, actor_member_id, sequence)
    WHERE outcome = 'DENIED';
CREATE INDEX ix_audit_events_api_key ON audit_events (account_id, credential_id, sequence)
    WHERE credential_kind = 'API_KEY';
CREATE INDEX ix_audit_events_denied ON audit_events (account_id, sequence) WHERE outcome = 'DENIED';
CREATE INDEX ix_audit_events_ip ON audit_events (account_id, ip, sequence) WHERE ip IS NOT NULL;
CREATE INDEX ix_audit_events_request ON audit_events (account_id, request_id, sequence)
    WHERE request_id IS NOT NULL;
CREATE INDEX ix_audit_events_target ON audit_events (account_id, target_id, sequence) WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_target_type ON audit_events (account_id, target_type, sequence)
    WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_actor_target_type
    ON audit_events (account_id, actor_member_id, target_type, sequence) WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_credential_kind ON audit_events (account_id, credential_kind, sequence)
    WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_actor_credential_kind
    ON audit_events (account_id, actor_member_id, credential_kind, sequence) WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_not_a_call ON audit_events (account_id, sequence) WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_actor_not_a_call ON audit_events (account_id, actor_member_id, sequence)
    WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_denied_not_a_call ON audit_events (account_id, sequence)
    WHERE outcome = 'DENIED' AND action <> 'API_CALLED';
CREATE INDEX ix_audit_events_search ON audit_events
    USING gin (audit_search_entries(account_id, sequence, actor_member_id, summary_folded))
    WITH (gin_pending_list_limit='512') WHERE action <> 'API_CALLED';
CREATE INDEX ix_audit_events_named ON audit_events USING gin (named_ids) WHERE named_ids IS NOT NULL;
-- Numbers of different values for the planner, instead of those that ANALYZE finds in a sample. Where one
-- script writes nearly all events, the sample has one value, and the planner would take each filter for one
-- that leaves all rows: it would read whole logs by the primary key, whoever looks for another value.
ALTER TABLE audit_events
    ALTER COLUMN action SET (n_distinct = 40),
    ALTER COLUMN outcome SET (n_distinct = 2),
    ALTER COLUMN actor_member_id SET (n_distinct = 1000),
    ALTER COLUMN credential_id SET (n_distinct = 1000),
    ALTER COLUMN credential_kind SET (n_distinct = 4),
    ALTER COLUMN ip SET (n_distinct = 1000),
    ALTER COLUMN target_id SET (n_distinct = 10000),
    ALTER COLUMN target_type SET (n_distinct = 10),
    ALTER COLUMN request_id SET (n_distinct = -0.5);

-- Sequence of an account's first event at or after a time; the one after the last if there is none. Events are in the
-- order of their times, so no index by time is needed, which each event would write. Events up to low are before the
-- time, and those from high on are not. The next guess is where the time would be if events came evenly; each third
-- one is in the middle, for logs in which they do not. (Not every sequence exists in a log with gaps.)
CREATE FUNCTION audit_first_since(account uuid, since timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        WITH RECURSIVE search (step, low, low_time, high, high_time) AS (
            (SELECT 0, first.sequence, first.occurred_at, last.sequence, last.occurred_at
            FROM audit_events AS first, LATERAL (
                SELECT sequence, occurred_at FROM audit_events
                WHERE account_id = account ORDER BY account_id DESC, sequence DESC LIMIT 1
            ) AS last
            WHERE first.account_id = account ORDER BY first.account_id, first.sequence LIMIT 1)
            UNION ALL
            SELECT step + 1,
                CASE WHEN occurred_at < since THEN sequence ELSE low END,
                CASE WHEN occurred_at < since THEN occurred_at ELSE low_time END,
                CASE WHEN occurred_at < since THEN high ELSE guess END,
                CASE WHEN occurred_at < since THEN high_time ELSE occurred_at END
            FROM search CROSS JOIN LATERAL (
                SELECT low + CASE WHEN step % 3 = 2 THEN (high - low) / 2 ELSE greatest(1, least(
                    high - low - 1,
                    (high - low) * date_part('epoch', since - low_time) / date_part('epoch', high_time - low_time)
                ))::bigint END AS guess OFFSET 0
            ) AS guesses CROSS JOIN LATERAL (
                SELECT sequence, occurred_at FROM audit_events
                WHERE account_id = account AND sequence >= guess ORDER BY account_id, sequence LIMIT 1
            ) AS event
            WHERE high - low > 1 AND low_time < since AND high_time >= since
        )
        SELECT CASE WHEN low_time >= since THEN low WHEN high_time < since THEN high + 1 ELSE high END
        FROM search ORDER BY step DESC LIMIT 1
    );
END
$$;

-- The event up to which an account's log has been pruned: events up to it may be deleted.
CREATE TABLE audit_cuts (
    account_id uuid NOT NULL,
    pruned_through bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT pk_audit_cuts PRIMARY KEY (account_id),
    CONSTRAINT fk_audit_cuts_account_id FOREIGN KEY (account_id) REFERENCES accounts (id)
);

-- Progress and result of the job that verifies logs too long to be verified within a request.
CREATE TABLE audit_verifications (
    account_id uuid NOT NULL,
    verified_through bigint NOT NULL,
    verified_hash bytea NOT NULL,
    walked_through bigint NOT NULL,
    walked_hash bytea NOT NULL,
    walked_at timestamptz NOT NULL,
    first_broken_sequence bigint,
    CONSTRAINT pk_audit_verifications PRIMARY KEY (account_id),
    CONSTRAINT fk_audit_verifications_account_id FOREIGN KEY (account_id) REFERENCES accounts (id)
);

-- How audit_append() writes a field before it is hashed: its length in bytes, a colon, its UTF-8 text and a
-- comma; NULL is "-,". So two different events never have the same bytes, and a verifier needs nothing but
-- SHA-256.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN value IS NULL THEN '-,' ELSE octet_length(value) || ':' || value || ',' END $$;

-- The commitment of a personal field, in hex. The salt of a field is derived from the event's salt and the
-- field's name, so that it can be kept when the event's salt is deleted.
CREATE FUNCTION audit_commitment(salt bytea, field_salts json, commitments json, field text, value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(commitments->>field, encode(sha256(
        coalesce(decode(field_salts->>field, 'hex'), sha256(salt || convert_to(field, 'UTF8')))
        || convert_to(value, 'UTF8')
    ), 'hex'))
$$;

-- The text that is hashed of personal_details: each key and its commitment, in the order of the keys.
CREATE FUNCTION audit_personal_details(salt bytea, field_salts json, commitments json, personal_details json)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(
        audit_field(key)
        || audit_field(audit_commitment(salt, field_salts, commitments, 'details.' || key, value::text)),
        '' ORDER BY key COLLATE "C"
    )
    FROM json_each(personal_details)
$$;

-- Details in canonical form: without spaces, each key once and in the order of the keys' bytes, characters as
-- themselves wherever JSON admits that, numbers from -2^53 to 2^53 and without exponents. NULL where there is no such
-- form, which is also the case with more levels than `levels`.
--
-- Verifiers parse personal details and write them again. So these have no fractions, which languages write
-- differently, no keys of digits only, which JavaScript puts first, and no key `details`, at which verifiers divide
-- a line.
CREATE FUNCTION audit_canonical(value jsonb, is_personal boolean, levels integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    kind text := jsonb_typeof(value);
BEGIN
    IF kind = 'number' THEN
        RETURN CASE
            WHEN abs(value::numeric) > 2::numeric ^ 53 THEN NULL
            WHEN is_personal AND value::numeric <> trunc(value::numeric) THEN NULL
            ELSE trim_scale(value::numeric)::text
        END;
    ELSIF kind NOT IN ('object', 'array') THEN
        RETURN value::text;
    ELSIF levels = 0 THEN
        RETURN NULL;
    END IF;
    -- OFFSET 0, so that PostgreSQL calls the function once for each item and not once for each use of its result.
    IF kind = 'array' THEN
        RETURN (
            SELECT CASE WHEN count(*) = count(item) THEN
                '[' || coalesce(string_agg(item, ',' ORDER BY place), '') || ']'
            END
            FROM (
                SELECT place, audit_canonical(item, is_personal, levels - 1) AS item
                FROM jsonb_array_elements(value) WITH ORDINALITY AS element (item, place) OFFSET 0
            ) AS items
        );
    END IF;
    RETURN (
        SELECT CASE WHEN count(*) = count(item) AND (is_personal AND bool_or(key ~ '^(?:details|[0-9]+)$')) IS NOT TRUE
        THEN
            '{' || coalesce(string_agg(to_json(key) || ':' || item, ',' ORDER BY key COLLATE "C"), '') || '}'
        END
        FROM (
            SELECT key, audit_canonical(pair.value, is_personal, levels - 1) AS item
            FROM jsonb_each(value) AS pair OFFSET 0
        ) AS items
    );
END
$$;

-- The canonical form of an event's details or personal details, which are objects with at most 64 levels. Personal
-- details are not empty, and no value of them can be read as the commitment in place of an erased value.
CREATE FUNCTION audit_canonical_details(details json, is_personal boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN json_typeof(details) <> 'object' THEN NULL
        WHEN is_personal AND (
            SELECT count(*) = 0 OR bool_or(
                CASE WHEN jsonb_typeof(value) = 'object' THEN value ? 'commitment' AND value - 'commitment' = '{}' END
            )
            FROM jsonb_each(details::jsonb)
        ) THEN NULL
        ELSE audit_canonical(details::jsonb, is_personal, 64)
    END
$$;

-- Whether personal details are one key with a text, or with the texts before and after a change. This is canonical.
CREATE FUNCTION audit_is_one_text(personal_details text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT personal_details ~ '^\{"[a-zA-Z]+":(?:"(?:[^"\\]|\\["\\bfnrt])*"|\["(?:[^"\\]|\\["\\bfnrt])*","(?:[^"\\]|\\["\\bfnrt])*"\])\}$'
$$;

-- Whether personal details are in canonical form. The regular expression refuses what JSONB cannot hold.
CREATE FUNCTION audit_is_canonical(personal_details json) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN audit_is_one_text(personal_details::text) THEN true
        WHEN personal_details::text
            ~ '^(?:"(?:[^"\\]|\\["\\bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*"|[]:,[{}0-9trufalsn-]|[us]e)*$'
        THEN audit_canonical_details(personal_details, true) IS NOT DISTINCT FROM personal_details::text
        ELSE false
    END
$$;

-- The details as a whole.
CREATE FUNCTION audit_details(details json, personal_details json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN personal_details IS NULL THEN details
        WHEN details::text = '{}' THEN personal_details
        ELSE (left(details::text, -1) || ',' || substr(personal_details::text, 2))::json
    END
$$;

-- A personal field in an export: its value, or an object with its commitment where the value was erased.
CREATE FUNCTION audit_export_value(commitments json, field text, value text) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN commitments->>field IS NULL THEN to_json(value)
        ELSE ('{"commitment":"' || (commitments->>field) || '"}')::json
    END
$$;

-- The personal details in an export.
CREATE FUNCTION audit_export_details(commitments json, personal_details json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN commitments IS NULL THEN personal_details ELSE (
        SELECT ('{' || string_agg(
            to_json(key) || ':'
            || CASE
                WHEN commitments->>('details.' || key) IS NULL THEN value::text
                ELSE '{"commitment":"' || (commitments->>('details.' || key)) || '"}'
            END,
            ',' ORDER BY key COLLATE "C"
        ) || '}')::json
        FROM json_each(personal_details)
    ) END
$$;

-- The event with commitments in the place of the given personal fields, whose salts are gone; its hash is the
-- same. A key of personal_details is named `details.` and the key; `details` names all of them. The values are
-- still there. An event without any of the fields is returned as it is.
CREATE FUNCTION audit_withhold(event audit_events, fields text[]) RETURNS audit_events
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    withheld text;
    salts text;
BEGIN
    SELECT
        string_agg(to_json(field) || ':"' || commitment || '"', ',' ORDER BY place) FILTER (WHERE is_withheld),
        string_agg(to_json(field) || ':"' || salt || '"', ',' ORDER BY place) FILTER (WHERE NOT is_withheld)
    INTO withheld, salts
    FROM (
        SELECT place, field,
            field = ANY (fields) OR event.commitments->>field IS NOT NULL
                OR ('details' = ANY (fields) AND field LIKE 'details.%') AS is_withheld,
            audit_commitment(event.salt, event.field_salts, event.commitments, field, value) AS commitment,
            coalesce(
                event.field_salts->>field, encode(sha256(event.salt || convert_to(field, 'UTF8')), 'hex')
            ) AS salt
        FROM (
            SELECT place, field, value FROM ROWS FROM (
                unnest(
                    ARRAY['summary', 'actorName', 'credentialLabel', 'targetName', 'ip', 'userAgent'],
                    ARRAY[event.summary, event.actor_name, event.credential_label, event.target_name,
                        event.ip, event.user_agent]
                )
            ) WITH ORDINALITY AS personal (field, value, place)
            UNION ALL
            SELECT 6 + row_number() OVER (ORDER BY key COLLATE "C"), 'details.' || key, value::text
            FROM json_each(event.personal_details)
        ) AS every
        WHERE value IS NOT NULL OR event.commitments->>field IS NOT NULL
    ) AS named;
    IF withheld IS NOT NULL THEN
        event.commitments := '{' || withheld || '}';
        event.field_salts := '{' || coalesce(salts, '') || '}';
        event.salt := NULL;
    END IF;
    RETURN event;
END
$$;

-- Numbers, times, chains and hashes each event. The expressions of audit_field() and audit_commitment() are
-- repeated for each field: PostgreSQL computes them in a fifth of the time that 20 calls take. They have few
-- functions, because every transaction looks each of them up anew. pg_temp comes last in search_path: if it were
-- not named it would come first, and any role may have tables there.
CREATE FUNCTION audit_append() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own xid := pg_current_xact_id_if_assigned()::xid;
    writer xid;
    last_sequence bigint;
    last_hash bytea;
    last_time timestamptz;
    happened text;
    details text := NEW.details;
    personal text := NEW.personal_details;
    key text;
BEGIN
    -- Who has appended the last event in this transaction holds the lock of the head. It need not be read again: the
    -- head does not have the earlier events of the same statement yet, which a BEFORE trigger sees.
    IF own IS NOT NULL THEN
        SELECT sequence, hash, occurred_at, xmin INTO last_sequence, last_hash, last_time, writer FROM audit_events
        WHERE account_id = NEW.account_id ORDER BY account_id DESC, sequence DESC LIMIT 1;
    END IF;
    IF (writer = own) IS NOT TRUE THEN
        SELECT coalesce(event.sequence, head.sequence), coalesce(event.hash, head.hash),
            coalesce(event.occurred_at, head.occurred_at)
        INTO last_sequence, last_hash, last_time
        FROM audit_heads AS head LEFT JOIN LATERAL (
            SELECT sequence, hash, occurred_at FROM audit_events
            WHERE account_id = NEW.account_id AND sequence > head.sequence
            ORDER BY account_id DESC, sequence DESC LIMIT 1
        ) AS event ON true
        WHERE head.account_id = NEW.account_id
        FOR UPDATE OF head;
        IF NOT FOUND THEN
            INSERT INTO audit_heads (account_id, sequence, hash, occurred_at)
            VALUES (NEW.account_id, 0, decode(repeat('00', 32), 'hex'), clock_timestamp())
            RETURNING sequence, hash, occurred_at INTO last_sequence, last_hash, last_time;
        END IF;
    END IF;
    NEW.sequence := last_sequence + 1;
    NEW.occurred_at := greatest(clock_timestamp(), last_time);
    NEW.previous_hash := last_hash;
    NEW.version := 2;
    -- So the CHECK requires a salt, and the hash covers the values of all personal fields.
    NEW.field_salts := NULL;
    NEW.commitments := NULL;
    IF octet_length(concat(
        details, personal, NEW.summary, NEW.actor_name, NEW.credential_label, NEW.target_type, NEW.target_name,
        NEW.ip, NEW.user_agent, NEW.request_id
    )) > 1048576 THEN
        RAISE EXCEPTION 'an audit event must not have more than 1,048,576 bytes of text'
            USING ERRCODE = 'check_violation';
    END IF;
    -- Details are stored as they are if they have no spaces, escaped characters, large numbers or many levels. Others
    -- are written in canonical form first, which takes longer.
    IF details !~ '^\{(?:[^"\\0-9 \t\n\r]|"[^"\\]*"|[0-9]{1,9}[],}.])*$'
        OR octet_length(replace(replace(details, '[', ''), '{', '')) < octet_length(details) - 64
    THEN
        details := audit_canonical_details(NEW.details, false);
        IF details IS NULL THEN
            RAISE EXCEPTION 'details of an audit event must be a JSON object, with at most 64 levels and with numbers'
                ' from -2^53 to 2^53' USING ERRCODE = 'check_violation';
        END IF;
        NEW.details := details;
    END IF;
    IF audit_is_one_text(personal) THEN
        key := split_part(personal, '"', 2);
        personal := substr(personal, length(key) + 5, length(personal) - length(key) - 5);
        personal := octet_length(key) || ':' || key || ',64:' || encode(sha256(
            sha256(NEW.salt || convert_to('details.' || key, 'UTF8')) || convert_to(personal, 'UTF8')
        ), 'hex') || ',';
    ELSIF personal IS NOT NULL THEN
        personal := audit_canonical_details(NEW.personal_details, true);
        IF personal IS NULL THEN
            RAISE EXCEPTION 'personal details of an audit event must be a JSON object that is not empty, with at most'
                ' 64 levels, with whole numbers from -2^53 to 2^53, without a key `details` or of digits only, and'
                ' without {"commitment": ...} as a value' USING ERRCODE = 'check_violation';
        END IF;
        NEW.personal_details := personal;
        personal := audit_personal_details(NEW.salt, NULL, NULL, NEW.personal_details);
    END IF;
    happened := to_char(NEW.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    NEW.hash := sha256(last_hash || convert_to(concat(
        '1:2,36:', NEW.account_id, ',', length(NEW.sequence::text), ':', NEW.sequence, ',36:', NEW.id, ',',
        '27:', happened, ',',
        octet_length(NEW.action), ':', NEW.action, ',',
        octet_length(NEW.outcome), ':', NEW.outcome, ',',
        '64:', encode(sha256(
            sha256(NEW.salt || 'summary') || convert_to(NEW.summary, 'UTF8')
        ), 'hex'), ',',
        octet_length(NEW.actor_kind), ':', NEW.actor_kind, ',',
        CASE WHEN NEW.actor_member_id IS NULL THEN '-,' ELSE concat('36:', NEW.actor_member_id, ',') END,
        '64:', encode(sha256(
            sha256(NEW.salt || 'actorName') || convert_to(NEW.actor_name, 'UTF8')
        ), 'hex'), ',',
        CASE WHEN NEW.credential_kind IS NULL THEN '-,' ELSE concat(
            octet_length(NEW.credential_kind), ':', NEW.credential_kind, ','
        ) END,
        CASE WHEN NEW.credential_id IS NULL THEN '-,' ELSE concat('36:', NEW.credential_id, ',') END,
        CASE WHEN NEW.credential_label IS NULL THEN '-,' ELSE concat('64:', encode(sha256(
            sha256(NEW.salt || 'credentialLabel') || convert_to(NEW.credential_label, 'UTF8')
        ), 'hex'), ',') END,
        CASE WHEN NEW.target_type IS NULL THEN '-,' ELSE concat(
            octet_length(NEW.target_type), ':', NEW.target_type, ','
        ) END,
        CASE WHEN NEW.target_id IS NULL THEN '-,' ELSE concat('36:', NEW.target_id, ',') END,
        CASE WHEN NEW.target_name IS NULL THEN '-,' ELSE concat('64:', encode(sha256(
            sha256(NEW.salt || 'targetName') || convert_to(NEW.target_name, 'UTF8')
        ), 'hex'), ',') END,
        CASE WHEN NEW.ip IS NULL THEN '-,' ELSE concat('64:', encode(sha256(
            sha256(NEW.salt || 'ip') || convert_to(NEW.ip, 'UTF8')
        ), 'hex'), ',') END,
        CASE WHEN NEW.user_agent IS NULL THEN '-,' ELSE concat('64:', encode(sha256(
            sha256(NEW.salt || 'userAgent') || convert_to(NEW.user_agent, 'UTF8')
        ), 'hex'), ',') END,
        CASE WHEN NEW.request_id IS NULL THEN '-,' ELSE concat(
            octet_length(NEW.request_id), ':', NEW.request_id, ','
        ) END,
        CASE WHEN personal IS NULL THEN '-,' ELSE concat(octet_length(personal), ':', personal, ',') END,
        octet_length(details), ':', details, ','
    ), 'UTF8'));
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_events_append BEFORE INSERT ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_append();

-- Counts the calls of each API key by day, and moves the head once per statement and account. If each event moved it, each would have to follow the row
-- versions of all before it: the hundredth event of a statement took fifteen times as long as the first.
CREATE FUNCTION audit_appended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE audit_heads SET sequence = newest.sequence, hash = newest.hash, occurred_at = newest.occurred_at
    FROM (SELECT DISTINCT ON (account_id) account_id, sequence, hash, occurred_at FROM appended
          ORDER BY account_id, sequence DESC) AS newest
    WHERE audit_heads.account_id = newest.account_id AND audit_heads.sequence < newest.sequence;
    IF EXISTS (SELECT FROM appended WHERE action = 'API_CALLED') THEN
        INSERT INTO api_key_days AS known (account_id, api_key_id, day, calls, denied)
        SELECT day.* FROM (
            SELECT account_id, credential_id, (occurred_at AT TIME ZONE 'UTC')::date, count(*),
                count(*) FILTER (WHERE outcome = 'DENIED')
            FROM appended WHERE action = 'API_CALLED' GROUP BY 1, 2, 3
        ) AS day (account_id, api_key_id, day, calls, denied)
        JOIN api_keys AS key ON key.account_id = day.account_id AND key.id = day.api_key_id
        ORDER BY 1, 2, 3
        ON CONFLICT ON CONSTRAINT pk_api_key_days
            DO UPDATE SET calls = known.calls + excluded.calls, denied = known.denied + excluded.denied;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_events_appended AFTER INSERT ON audit_events
    REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION audit_appended();

-- A role that may create temporary tables could otherwise move a head with a trigger of its own.
REVOKE EXECUTE ON FUNCTION audit_append(), audit_appended() FROM PUBLIC;

-- Locks the heads of those of the accounts' logs that no other transaction has locked, until the commit, and
-- returns their accounts. A sign-in is an event in the logs of many accounts and waits for none of them.
CREATE FUNCTION lock_free_audit_heads(accounts uuid[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT account_id FROM audit_heads WHERE account_id = ANY (accounts)
    ORDER BY account_id FOR UPDATE SKIP LOCKED
$$;
REVOKE EXECUTE ON FUNCTION lock_free_audit_heads(uuid[]) FROM PUBLIC;

-- Events are never truncated, not even by the tables' owner. (For updates, see erasing.sql.)
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log cannot be rewritten' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_keep_all BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Events are deleted only up to the account's cut.
CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM audit_cuts WHERE account_id = OLD.account_id AND pruned_through >= OLD.sequence
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log cannot be rewritten' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_keep_uncut BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_keep();

-- A cut needs an event that records it. The app's role cannot write audit_cuts; this holds for the tables'
-- owner.
CREATE FUNCTION audit_cut() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_events
        WHERE account_id = NEW.account_id AND action = 'AUDIT_LOG_PRUNED' AND sequence > NEW.pruned_through
        AND details->>'prunedThrough' = NEW.pruned_through::text
        AND details->>'hash' = encode(NEW.hash, 'hex')
    ) THEN
        RAISE EXCEPTION 'no event of the audit log tells of this cut' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_cuts_require_event BEFORE INSERT OR UPDATE ON audit_cuts
    FOR EACH ROW EXECUTE FUNCTION audit_cut();

-- The app's role does not prune. Its events of this kind would hide those of prunings from auditIntegrity, which reads
-- the newest ones. The other policies are those of all tables of accounts.
CREATE POLICY audit_events_pruned ON audit_events AS RESTRICTIVE FOR INSERT WITH CHECK (action <> 'AUDIT_LOG_PRUNED');
