-- Data about earlier requests: results for idempotency keys, and limits of emails.

-- actor_id is the member, or the user where there is no account yet.
CREATE TABLE idempotency_keys (
    actor_id uuid NOT NULL,
    key varchar NOT NULL,
    input_hash bytea NOT NULL,
    answer jsonb NOT NULL,
    credential_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (actor_id, key)
);
CREATE INDEX ix_idempotency_keys_created ON idempotency_keys (created_at);

-- A token bucket per subject, such as `invitations to bob@example.com`. Deleted once it is full again.
CREATE TABLE limit_buckets (
    subject varchar NOT NULL,
    full_at timestamptz NOT NULL,
    CONSTRAINT pk_limit_buckets PRIMARY KEY (subject)
);
CREATE INDEX ix_limit_buckets_full ON limit_buckets (full_at);
