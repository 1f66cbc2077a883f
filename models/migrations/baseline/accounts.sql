-- Accounts, users (people), members (a user's membership of an account), their limits, and invitations.
--
-- The primary key of every table of an account begins with account_id, and foreign keys to such a table
-- compare it too: a row cannot reference a row of another account.

CREATE TABLE accounts (
    id uuid NOT NULL,
    name varchar NOT NULL,
    slug varchar NOT NULL,
    currency varchar(3) NOT NULL,
    created_at timestamptz NOT NULL,
    max_active_licenses integer,
    max_monthly_spend numeric(14, 2),
    max_session_age_seconds integer,
    api_key_max_lifetime_days integer,
    api_key_revoke_unused_after_days integer,
    CONSTRAINT pk_accounts PRIMARY KEY (id),
    CONSTRAINT uq_accounts_slug UNIQUE (slug),
    CONSTRAINT ck_accounts_max_active_licenses CHECK (max_active_licenses >= 0),
    CONSTRAINT ck_accounts_max_monthly_spend CHECK (max_monthly_spend >= 0),
    CONSTRAINT ck_accounts_max_session_age_seconds CHECK (max_session_age_seconds > 0),
    CONSTRAINT ck_accounts_api_key_max_lifetime_days CHECK (api_key_max_lifetime_days > 0),
    CONSTRAINT ck_accounts_api_key_revoke_unused_after_days CHECK (api_key_revoke_unused_after_days > 0)
);

CREATE TABLE users (
    id uuid NOT NULL,
    email varchar NOT NULL,
    name varchar NOT NULL,
    created_at timestamptz NOT NULL,
    erased_at timestamptz,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_email UNIQUE (email)
);

-- Never deleted: the audit log names members. The name_key, name_folded and email_folded columns are
-- computed by the app (sort key of ICU's root collation; NFKC case folding), so that they do not depend on
-- the database's locale.
CREATE TABLE members (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name varchar NOT NULL,
    email varchar,
    role varchar(40) NOT NULL,
    is_owner boolean NOT NULL,
    joined_at timestamptz NOT NULL,
    last_active_at timestamptz,
    removed_at timestamptz,
    sessions_valid_from timestamptz,
    access_until timestamptz,
    access_reminder_at timestamptz,
    name_key text COLLATE "C" NOT NULL DEFAULT '',
    name_folded text COLLATE "C" NOT NULL DEFAULT '',
    email_folded text COLLATE "C" NOT NULL DEFAULT '',
    CONSTRAINT pk_members PRIMARY KEY (account_id, id),
    CONSTRAINT fk_members_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_members_user_id FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_members_owner_is_admin CHECK (NOT is_owner OR (role = 'ADMIN' AND removed_at IS NULL)),
    CONSTRAINT ck_members_owner_has_no_end CHECK (NOT is_owner OR access_until IS NULL),
    CONSTRAINT ck_members_access_until_finite CHECK (isfinite(access_until)),
    CONSTRAINT ck_members_role CHECK (role IN ('ADMIN', 'MEMBER', 'VIEWER'))
);
-- One owner per account; a user is a member of an account once, unless removed.
CREATE UNIQUE INDEX uq_members_owner ON members (account_id) WHERE is_owner;
CREATE UNIQUE INDEX uq_members_person ON members (account_id, user_id) WHERE removed_at IS NULL;
-- One index per sort order, for present members, for one role, and for removed members.
-- For the jobs that end memberships and remind of their ends, in all accounts.
CREATE INDEX ix_members_access_until ON members (access_until)
    WHERE removed_at IS NULL AND access_until IS NOT NULL;
CREATE INDEX ix_members_access_reminder ON members (access_reminder_at)
    WHERE removed_at IS NULL AND access_reminder_at IS NOT NULL;
CREATE INDEX ix_members_email ON members (account_id, email);
CREATE INDEX ix_members_joined ON members (account_id, joined_at, id) WHERE removed_at IS NULL;
CREATE INDEX ix_members_last_active ON members (account_id, coalesce(last_active_at, joined_at), id)
    WHERE removed_at IS NULL;
CREATE INDEX ix_members_name ON members (account_id, name_key, id) WHERE removed_at IS NULL;
CREATE INDEX ix_members_of_user ON members (user_id) WHERE removed_at IS NULL;
-- For the erasing of a person.
CREATE INDEX ix_members_removed_of_user ON members (user_id) WHERE removed_at IS NOT NULL;
CREATE INDEX ix_members_removed_joined ON members (account_id, role, joined_at, id)
    WHERE removed_at IS NOT NULL;
CREATE INDEX ix_members_removed_last_active ON members (account_id, role, coalesce(last_active_at, joined_at), id)
    WHERE removed_at IS NOT NULL;
CREATE INDEX ix_members_removed_name ON members (account_id, role, name_key, id)
    WHERE removed_at IS NOT NULL;
CREATE INDEX ix_members_role_joined ON members (account_id, role, joined_at, id) WHERE removed_at IS NULL;
CREATE INDEX ix_members_role_last_active ON members (account_id, role, coalesce(last_active_at, joined_at), id)
    WHERE removed_at IS NULL;
CREATE INDEX ix_members_role_name ON members (account_id, role, name_key, id) WHERE removed_at IS NULL;
-- With a short pending list: entries are written some thousands at a time, and a search reads the list first.
CREATE INDEX ix_members_search ON members
    USING gin (search_grams(account_id, name_folded, 1), search_grams(account_id, email_folded, 1))
    WITH (gin_pending_list_limit='64');

-- What a member may license. Members without a row have no limits.
CREATE TABLE member_limits (
    account_id uuid NOT NULL,
    member_id uuid NOT NULL,
    max_active_licenses integer,
    theme_ids uuid[],
    CONSTRAINT pk_member_limits PRIMARY KEY (account_id, member_id),
    CONSTRAINT fk_member_limits_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_member_limits_account_id_member_id
        FOREIGN KEY (account_id, member_id) REFERENCES members (account_id, id),
    CONSTRAINT ck_member_limits_max_active_licenses CHECK (max_active_licenses >= 0),
    CONSTRAINT ck_member_limits_theme_ids CHECK (cardinality(theme_ids) <= 1000)
);

-- The token of the newest email is the only valid one; its SHA-256 is stored.
CREATE TABLE invitations (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    email varchar NOT NULL,
    role varchar(40) NOT NULL,
    message varchar,
    status varchar(40) NOT NULL,
    token_hash bytea NOT NULL,
    invited_by_id uuid NOT NULL,
    accepted_by_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    access_until timestamptz,
    emails integer NOT NULL,
    accepted_at timestamptz,
    delivery varchar(40) NOT NULL,
    delivery_error varchar,
    sent_at timestamptz,
    CONSTRAINT pk_invitations PRIMARY KEY (account_id, id),
    CONSTRAINT uq_invitations_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_invitations_account_id_invited_by_id
        FOREIGN KEY (account_id, invited_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_invitations_account_id_accepted_by_id
        FOREIGN KEY (account_id, accepted_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_invitations_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT ck_invitations_access_until CHECK (isfinite(access_until) AND expires_at <= access_until),
    CONSTRAINT ck_invitations_role CHECK (role IN ('ADMIN', 'MEMBER', 'VIEWER')),
    CONSTRAINT ck_invitations_invitation_status CHECK (status IN (
        'PENDING', 'ACCEPTED', 'DECLINED', 'REVOKED', 'EXPIRED'
    )),
    CONSTRAINT ck_invitations_delivery_status CHECK (delivery IN ('QUEUED', 'SENT', 'FAILED'))
);
-- ix_invitations_due serves the job that expires invitations of all accounts.
CREATE UNIQUE INDEX uq_invitations_pending_email ON invitations (account_id, email)
    WHERE status = 'PENDING';
CREATE INDEX ix_invitations_created ON invitations (account_id, created_at, id);
CREATE INDEX ix_invitations_due ON invitations (expires_at) WHERE status = 'PENDING';
CREATE INDEX ix_invitations_due_of ON invitations (account_id, expires_at) WHERE status = 'PENDING';
-- Across accounts, for the erasing of a person.
CREATE INDEX ix_invitations_addressee ON invitations (email);
CREATE INDEX ix_invitations_email ON invitations (account_id, email, created_at, id);
CREATE INDEX ix_invitations_status ON invitations (account_id, status, created_at, id);
-- For the planner, as for audit_events.
ALTER TABLE invitations ALTER COLUMN status SET (n_distinct = 5);
ALTER TABLE members ALTER COLUMN role SET (n_distinct = 3);

-- Sets the time of last activity, in several accounts at once, for a request that changes nothing else.
-- SECURITY DEFINER: row-level security allows the app's role to update one account only.
CREATE FUNCTION note_members_active(person uuid, accounts uuid[], at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE members SET last_active_at = at WHERE (account_id, id) IN (
        SELECT account_id, id FROM members
        WHERE account_id = ANY (accounts) AND user_id = person AND removed_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
    )
$$;
REVOKE EXECUTE ON FUNCTION note_members_active(uuid, uuid[], timestamptz) FROM PUBLIC;
