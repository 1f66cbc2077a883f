-- The catalog of themes. It belongs to the platform, not to an account.

CREATE TABLE themes (
    id uuid NOT NULL,
    slug varchar NOT NULL,
    name varchar NOT NULL,
    summary varchar NOT NULL,
    price_amount numeric(14, 2) NOT NULL,
    price_currency varchar(3) NOT NULL,
    tags text[] NOT NULL,
    published_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    latest_version varchar NOT NULL,
    name_key text COLLATE "C" NOT NULL DEFAULT '',
    name_folded text COLLATE "C" NOT NULL DEFAULT '',
    text_folded text COLLATE "C" NOT NULL DEFAULT '',
    CONSTRAINT pk_themes PRIMARY KEY (id),
    CONSTRAINT uq_themes_slug UNIQUE (slug),
    CONSTRAINT ck_themes_price CHECK (price_amount >= 0)
);
CREATE INDEX ix_themes_name ON themes (name_key, id);
CREATE INDEX ix_themes_newest ON themes (published_at, id);
CREATE INDEX ix_themes_price ON themes (price_amount, id);

CREATE TABLE theme_releases (
    id uuid NOT NULL,
    theme_id uuid NOT NULL,
    version varchar NOT NULL,
    notes varchar,
    released_at timestamptz NOT NULL,
    CONSTRAINT pk_theme_releases PRIMARY KEY (id),
    CONSTRAINT uq_theme_releases_theme_id_version UNIQUE (theme_id, version),
    CONSTRAINT fk_theme_releases_theme_id FOREIGN KEY (theme_id) REFERENCES themes (id)
);

-- The content is in the file storage, under its SHA-256.
CREATE TABLE theme_files (
    id uuid NOT NULL,
    release_id uuid NOT NULL,
    name varchar NOT NULL,
    size bigint NOT NULL,
    sha256 varchar(64) NOT NULL,
    media_type varchar NOT NULL,
    CONSTRAINT pk_theme_files PRIMARY KEY (id),
    CONSTRAINT uq_theme_files_release_id_name UNIQUE (release_id, name),
    CONSTRAINT fk_theme_files_release_id FOREIGN KEY (release_id) REFERENCES theme_releases (id)
);
