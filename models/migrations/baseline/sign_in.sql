-- Sign-in links and sessions. They belong to a user, who may be a member of several accounts. Only the
-- SHA-256 of a token is stored.

-- requested_by is the SHA-256 of the cookie of the browser that requested the link.
CREATE TABLE sign_in_links (
    token_hash bytea NOT NULL,
    email varchar NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    requested_by bytea,
    wrong_addresses integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_sign_in_links PRIMARY KEY (token_hash)
);
CREATE INDEX ix_sign_in_links_email ON sign_in_links (email, created_at);
CREATE INDEX ix_sign_in_links_expires ON sign_in_links (expires_at);

CREATE TABLE sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    ip varchar,
    user_agent varchar,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_sessions_user_id FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_sessions_expires_at CHECK (expires_at <= ends_at)
);
CREATE INDEX ix_sessions_user_id ON sessions (user_id, id);

-- Sign-ins that are not yet in the log of each account, because another transaction had locked it. A job appends
-- the events, and deletes the row after the last one.
CREATE TABLE unrecorded_sign_ins (
    session_id uuid NOT NULL,
    account_ids uuid[] NOT NULL,
    request_id varchar,
    CONSTRAINT pk_unrecorded_sign_ins PRIMARY KEY (session_id),
    CONSTRAINT fk_unrecorded_sign_ins_session_id
        FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);
