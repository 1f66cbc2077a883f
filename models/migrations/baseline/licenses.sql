-- Entitlements (how many licenses of a theme an account has purchased) and licenses (a theme on one site).

-- The CHECK holds that no more licenses are provisioned than were purchased.
CREATE TABLE entitlements (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    theme_id uuid NOT NULL,
    purchased integer NOT NULL,
    provisioned integer NOT NULL,
    CONSTRAINT pk_entitlements PRIMARY KEY (account_id, id),
    CONSTRAINT uq_entitlements_account_id_theme_id UNIQUE (account_id, theme_id),
    CONSTRAINT fk_entitlements_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_entitlements_theme_id FOREIGN KEY (theme_id) REFERENCES themes (id),
    CONSTRAINT ck_entitlements_provisioned CHECK (provisioned BETWEEN 0 AND purchased)
);

-- Never deleted: the audit log names licenses. isfinite: a time of infinity could not be read by clients.
CREATE TABLE licenses (
    account_id uuid NOT NULL,
    id uuid NOT NULL,
    theme_id uuid NOT NULL,
    status varchar(40) NOT NULL,
    site varchar NOT NULL,
    key varchar NOT NULL,
    holder_id uuid NOT NULL,
    provisioned_by_id uuid NOT NULL,
    provisioned_at timestamptz NOT NULL,
    expires_at timestamptz,
    expiry_reminder_at timestamptz,
    revoked_by_id uuid,
    revoked_at timestamptz,
    revoked_reason varchar,
    last_downloaded_at timestamptz,
    last_verified_at timestamptz,
    last_verified_site varchar,
    installed_version varchar,
    site_folded text COLLATE "C" NOT NULL DEFAULT '',
    CONSTRAINT pk_licenses PRIMARY KEY (account_id, id),
    CONSTRAINT uq_licenses_key UNIQUE (key),
    CONSTRAINT fk_licenses_account_id_holder_id
        FOREIGN KEY (account_id, holder_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_licenses_account_id_provisioned_by_id
        FOREIGN KEY (account_id, provisioned_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_licenses_account_id_revoked_by_id
        FOREIGN KEY (account_id, revoked_by_id) REFERENCES members (account_id, id),
    CONSTRAINT fk_licenses_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_licenses_theme_id FOREIGN KEY (theme_id) REFERENCES themes (id),
    CONSTRAINT ck_licenses_expires_at_finite CHECK (isfinite(expires_at)),
    CONSTRAINT ck_licenses_license_status CHECK (status IN ('ACTIVE', 'SUSPENDED', 'REVOKED', 'EXPIRED'))
) WITH (fillfactor = 80);
-- fillfactor: license checks update most rows once a day, only in columns without an index. Where the page has
-- space, no index is written: a fifth of the write-ahead log.
-- One live license of a theme per site. ix_licenses_expiry and ix_licenses_expiry_reminder serve the jobs that
-- expire licenses of all accounts and remind of it.
CREATE UNIQUE INDEX uq_licenses_site ON licenses (account_id, theme_id, site)
    WHERE status IN ('ACTIVE', 'SUSPENDED');
CREATE INDEX ix_licenses_due ON licenses (account_id, expires_at) WHERE status IN ('ACTIVE', 'SUSPENDED');
CREATE INDEX ix_licenses_expiry ON licenses (expires_at)
    WHERE status IN ('ACTIVE', 'SUSPENDED') AND expires_at IS NOT NULL;
CREATE INDEX ix_licenses_expiry_reminder ON licenses (expiry_reminder_at)
    WHERE status = 'ACTIVE' AND expiry_reminder_at IS NOT NULL;
CREATE INDEX ix_licenses_expires ON licenses (account_id, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ix_licenses_holder ON licenses (account_id, holder_id, provisioned_at, id);
CREATE INDEX ix_licenses_holder_site ON licenses (account_id, holder_id, site, id);
CREATE INDEX ix_licenses_provisioned ON licenses (account_id, provisioned_at, id);
CREATE INDEX ix_licenses_provisioner ON licenses (account_id, provisioned_by_id, provisioned_at, id);
CREATE INDEX ix_licenses_provisioner_site ON licenses (account_id, provisioned_by_id, site, id);
CREATE INDEX ix_licenses_search ON licenses
    USING gin (search_grams(account_id, site_folded, 1)) WITH (gin_pending_list_limit='64');
CREATE INDEX ix_licenses_site ON licenses (account_id, site, id);
CREATE INDEX ix_licenses_status ON licenses (account_id, status, provisioned_at, id);
CREATE INDEX ix_licenses_status_site ON licenses (account_id, status, site, id);
CREATE INDEX ix_licenses_theme ON licenses (account_id, theme_id, provisioned_at, id);
CREATE INDEX ix_licenses_theme_site ON licenses (account_id, theme_id, site, id);
CREATE INDEX ix_licenses_verified ON licenses (account_id, coalesce(last_verified_at, provisioned_at));
CREATE INDEX ix_licenses_version ON licenses (account_id, installed_version, provisioned_at, id)
    WHERE installed_version IS NOT NULL;
CREATE INDEX ix_licenses_version_site ON licenses (account_id, installed_version, site, id)
    WHERE installed_version IS NOT NULL;
-- For the planner, as for audit_events: filters use their indexes also where all rows are alike.
ALTER TABLE licenses
    ALTER COLUMN status SET (n_distinct = 4),
    ALTER COLUMN theme_id SET (n_distinct = 100),
    ALTER COLUMN installed_version SET (n_distinct = 50),
    ALTER COLUMN holder_id SET (n_distinct = 1000),
    ALTER COLUMN provisioned_by_id SET (n_distinct = 1000);

-- Keys that licenses had before they were rotated: their SHA-256. Never deleted, because a former key is reported
-- as revoked.
CREATE TABLE former_license_keys (
    account_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    license_id uuid NOT NULL,
    replaced_at timestamptz NOT NULL,
    CONSTRAINT pk_former_license_keys PRIMARY KEY (account_id, key_hash),
    CONSTRAINT uq_former_license_keys_key_hash UNIQUE (key_hash),
    CONSTRAINT fk_former_license_keys_account_id FOREIGN KEY (account_id) REFERENCES accounts (id),
    CONSTRAINT fk_former_license_keys_account_id_license_id
        FOREIGN KEY (account_id, license_id) REFERENCES licenses (account_id, id)
);

-- What installed themes reported. The server's role may not update licenses outside of a change, and no account
-- is named: a check is made with the license's key alone. A locked row is left for the next check.
CREATE FUNCTION note_license_checks(
    account_ids uuid[], ids uuid[], checked timestamptz[], sites text[], versions text[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH noted AS (
        SELECT * FROM unnest(account_ids, ids, checked, sites, versions)
            AS given (account_id, id, checked_at, site, version)
    ), free AS (
        SELECT licenses.account_id, licenses.id FROM licenses
        JOIN noted ON licenses.account_id = noted.account_id AND licenses.id = noted.id
        ORDER BY licenses.account_id, licenses.id
        FOR NO KEY UPDATE OF licenses SKIP LOCKED
    )
    UPDATE licenses SET
        last_verified_at = noted.checked_at,
        last_verified_site = noted.site,
        installed_version = coalesce(noted.version, licenses.installed_version)
    FROM noted JOIN free ON free.account_id = noted.account_id AND free.id = noted.id
    WHERE licenses.account_id = noted.account_id AND licenses.id = noted.id
        AND (licenses.last_verified_at < noted.checked_at) IS NOT FALSE
$$;
REVOKE EXECUTE ON FUNCTION note_license_checks(uuid[], uuid[], timestamptz[], text[], text[]) FROM PUBLIC;
