-- Audit streams that receive an account's audit events, with their delivery progress.

-- Never deleted: the audit log names audit streams. secret signs deliveries, so it cannot be stored as a hash;
-- deleting the audit stream erases it. lease_id belongs to the one worker that delivers the audit stream now.
CREATE TABLE audit_streams (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    url varchar NOT NULL,
    actions text[],
    secret bytea,
    previous_secrets bytea[] NOT NULL,
    previous_secrets_expire_at timestamptz,
    status varchar(40) NOT NULL,
    last_delivered_sequence bigint NOT NULL,
    last_delivered_at timestamptz,
    batch_sequence bigint,
    failing_since timestamptz,
    attempts integer NOT NULL,
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,
    last_error varchar,
    lease_id uuid,
    leased_until timestamptz,
    created_by_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT pk_audit_streams PRIMARY KEY (account_id, id),
    CONSTRAINT fk_audit_streams_account_id_created_by_id
        FOREIGN KEY (account_id, created_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_audit_streams_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT ck_audit_streams_actions CHECK (cardinality(actions) > 0),
    CONSTRAINT ck_audit_streams_secret CHECK ((secret IS NULL) = (deleted_at IS NOT NULL)),
    CONSTRAINT ck_audit_streams_lease CHECK ((lease_id IS NULL) = (leased_until IS NULL)),
    CONSTRAINT ck_audit_streams_sequence CHECK (last_delivered_sequence >= 0),
    CONSTRAINT ck_audit_streams_audit_stream_status CHECK (status IN ('ACTIVE', 'PAUSED', 'ENDED'))
);
-- ix_audit_streams_active serves claim_audit_streams().
CREATE INDEX ix_audit_streams_active ON audit_streams (last_attempt_at)
    WHERE status = 'ACTIVE' AND deleted_at IS NULL;
CREATE INDEX ix_audit_streams_created ON audit_streams (account_id, created_at, id);

-- Leases audit streams whose log has grown to a worker, those first that have waited longest. SECURITY DEFINER:
-- they are of many accounts.
CREATE FUNCTION claim_audit_streams(lease uuid, seconds double precision, is_failing boolean, most integer)
RETURNS SETOF audit_streams
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE audit_streams SET lease_id = lease, leased_until = now() + make_interval(secs => seconds)
    WHERE (account_id, id) IN (
        SELECT stream.account_id, stream.id
        FROM audit_streams AS stream JOIN audit_heads AS head ON head.account_id = stream.account_id
        WHERE stream.status = 'ACTIVE' AND stream.deleted_at IS NULL
        AND head.sequence > stream.last_delivered_sequence
        AND (stream.next_attempt_at <= now()) IS NOT FALSE
        AND (stream.leased_until <= now()) IS NOT FALSE
        AND (stream.attempts > 0) = is_failing
        ORDER BY stream.last_attempt_at NULLS FIRST LIMIT most
        FOR UPDATE OF stream SKIP LOCKED
    )
    RETURNING *
$$;
REVOKE EXECUTE ON FUNCTION claim_audit_streams(uuid, double precision, boolean, integer) FROM PUBLIC;
