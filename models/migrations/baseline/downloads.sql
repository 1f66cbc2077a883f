-- Download links, and the transfers in progress.

-- A link is for one member, with one credential, to one file. subject names the file: licenseId and fileId,
-- invoiceId, or a report's parameters. A link to personal data is for a person, whose data is in several
-- accounts or in none. A link that was issued for a license key is for the site that has the key.
CREATE TABLE download_links (
    token_hash bytea NOT NULL,
    account_id uuid,
    member_id uuid,
    user_id uuid,
    credential_kind varchar(40) NOT NULL,
    credential_id uuid NOT NULL,
    credential_label varchar NOT NULL,
    kind varchar(40) NOT NULL,
    subject jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_download_links PRIMARY KEY (token_hash),
    CONSTRAINT fk_download_links_account_id_member_id
        FOREIGN KEY (account_id, member_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_download_links_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_download_links_user_id FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_download_links_recipient CHECK (
        CASE WHEN kind = 'PERSONAL_DATA'
        THEN user_id IS NOT NULL AND num_nonnulls(account_id, member_id) = 0
        WHEN credential_kind = 'LICENSE_KEY'
        THEN account_id IS NOT NULL AND num_nonnulls(user_id, member_id) = 0
        ELSE user_id IS NULL AND num_nonnulls(account_id, member_id) = 2 END
    ),
    CONSTRAINT ck_download_links_credential_kind CHECK (credential_kind IN (
        'SESSION', 'API_KEY', 'INVITATION', 'OPERATOR', 'LICENSE_KEY'
    )),
    CONSTRAINT ck_download_links_download_kind CHECK (kind IN (
        'THEME_FILE', 'REPORT', 'INVOICE', 'PERSONAL_DATA'
    ))
);
CREATE INDEX ix_download_links_expires ON download_links (expires_at);

-- A transfer's row exists from before its first byte until its event is in the log, so that a download is
-- audited even if the process that served it was killed.
CREATE TABLE transfers (
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    ip varchar,
    user_agent varchar,
    request_id varchar,
    bytes_sent bigint NOT NULL,
    facts jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_transfers PRIMARY KEY (id),
    CONSTRAINT fk_transfers_token_hash FOREIGN KEY (token_hash) REFERENCES download_links (token_hash)
);
CREATE INDEX ix_transfers_seen ON transfers (seen_at);
CREATE INDEX ix_transfers_token_hash ON transfers (token_hash);
