-- API keys. Only the SHA-256 of a key and of its claim link's token is stored.

-- previous_key_hash is the key before the last rotation, which works until previous_expires_at.
CREATE TABLE api_keys (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    name varchar NOT NULL,
    prefix varchar NOT NULL,
    key_hash bytea,
    scopes text[] NOT NULL,
    allowed_networks text[] NOT NULL DEFAULT '{}',
    created_by_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    claim_hash bytea,
    claim_expires_at timestamptz,
    claimed_at timestamptz,
    previous_key_hash bytea,
    previous_expires_at timestamptz,
    expires_at timestamptz,
    last_used_at timestamptz,
    last_used_ip varchar,
    expiry_notified_at timestamptz,
    unused_notified_at timestamptz,
    expired_at timestamptz,
    revoked_by_id uuid,
    revoked_at timestamptz,
    CONSTRAINT pk_api_keys PRIMARY KEY (account_id, id),
    CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash),
    CONSTRAINT uq_api_keys_claim_hash UNIQUE (claim_hash),
    CONSTRAINT uq_api_keys_previous_key_hash UNIQUE (previous_key_hash),
    CONSTRAINT fk_api_keys_account_id_member_id
        FOREIGN KEY (account_id, member_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_api_keys_account_id_created_by_id
        FOREIGN KEY (account_id, created_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_api_keys_account_id_revoked_by_id
        FOREIGN KEY (account_id, revoked_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_api_keys_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT ck_api_keys_scopes CHECK (
        scopes <@ ARRAY['READ', 'PROVISION', 'LICENSES', 'TEAM', 'BILLING', 'ACCOUNT'] AND cardinality(scopes) > 0
    ),
    CONSTRAINT ck_api_keys_expires_at_finite CHECK (isfinite(expires_at)),
    CONSTRAINT ck_api_keys_claimed CHECK ((claimed_at IS NULL) = (key_hash IS NULL))
);
-- ix_api_keys_claim_expiry and ix_api_keys_expiry serve the job that expires keys of all accounts.
CREATE INDEX ix_api_keys_claim_expiry ON api_keys (claim_expires_at)
    WHERE claimed_at IS NULL AND revoked_at IS NULL AND expired_at IS NULL;
CREATE INDEX ix_api_keys_created ON api_keys (account_id, created_at, id);
CREATE INDEX ix_api_keys_expiry ON api_keys (expires_at)
    WHERE revoked_at IS NULL AND expired_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX ix_api_keys_member ON api_keys (account_id, member_id, created_at, id);
ALTER TABLE api_keys ALTER COLUMN member_id SET (n_distinct = 1000);  -- For the planner, as for audit_events.

-- Calls of a key by day of UTC. Only audit_appended() counts, and only the calls of keys that exist; a key is never
-- deleted. So there are no foreign keys, whose checks would lock rows of api_keys and accounts while the log is locked:
-- a rotation locks the row of its key first, and then the log.
CREATE TABLE api_key_days (
    account_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    day date NOT NULL,
    calls bigint NOT NULL,
    denied bigint NOT NULL,
    CONSTRAINT pk_api_key_days PRIMARY KEY (account_id, api_key_id, day)
);
CREATE INDEX ix_api_key_days_day ON api_key_days (day);

-- Deletes the counts of days that are no longer shown, at most `most` rows, and returns their number. Nothing else
-- deletes counts, except an erasure. SECURITY DEFINER: the app's role may not write them.
CREATE FUNCTION forget_api_key_days(most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH due AS (
        SELECT account_id, api_key_id, day FROM api_key_days
        WHERE day < (now() AT TIME ZONE 'UTC')::date - 90
        ORDER BY day LIMIT most FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM api_key_days AS old USING due
        WHERE old.account_id = due.account_id AND old.api_key_id = due.api_key_id AND old.day = due.day
        RETURNING 1
    )
    SELECT count(*) FROM deleted
$$;
REVOKE EXECUTE ON FUNCTION forget_api_key_days(integer) FROM PUBLIC;

-- Sets the time and address of last use, for a request that changes nothing else, unless another request
-- just did. SECURITY DEFINER: such a request is in no transaction of the account.
CREATE FUNCTION note_api_key_used(account uuid, key uuid, last_used timestamptz, ip text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE api_keys SET last_used_at = now(), last_used_ip = ip WHERE account_id = account AND id IN (
        SELECT id FROM api_keys
        WHERE account_id = account AND id = key AND last_used_at IS NOT DISTINCT FROM last_used
        FOR NO KEY UPDATE SKIP LOCKED
    )
$$;
REVOKE EXECUTE ON FUNCTION note_api_key_used(uuid, uuid, timestamptz, text) FROM PUBLIC;
