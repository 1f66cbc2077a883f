"""The first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("max_active_licenses", sa.Integer(), nullable=True),
        sa.Column("max_monthly_spend", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.CheckConstraint("max_active_licenses >= 0", name=op.f("ck_accounts_max_active_licenses")),
        sa.CheckConstraint("max_monthly_spend >= 0", name=op.f("ck_accounts_max_monthly_spend")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("slug", name=op.f("uq_accounts_slug")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index("ix_sign_in_links_email", "sign_in_links", ["email", "created_at"], unique=False)
    op.create_table(
        "themes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("price_amount", sa.Numeric(precision=14, scale=2), nullable=False),
        sa.Column("price_currency", sa.String(length=3), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_version", sa.String(), nullable=False),
        sa.CheckConstraint("price_amount >= 0", name=op.f("ck_themes_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_themes")),
        sa.UniqueConstraint("slug", name=op.f("uq_themes_slug")),
    )
    op.create_index("ix_themes_name", "themes", [sa.literal_column("lower(name)"), "id"], unique=False)
    op.create_index("ix_themes_newest", "themes", ["published_at", "id"], unique=False)
    op.create_index("ix_themes_price", "themes", ["price_amount", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "audit_events",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column(
            "sequence", sa.BigInteger(), server_default=sa.FetchedValue(), autoincrement=False, nullable=False
        ),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "ACCOUNT_CREATED",
                "ACCOUNT_UPDATED",
                "ACCOUNT_LIMITS_CHANGED",
                "OWNERSHIP_TRANSFERRED",
                "MEMBER_INVITED",
                "INVITATION_RESENT",
                "INVITATION_REVOKED",
                "INVITATION_DECLINED",
                "INVITATION_EXPIRED",
                "INVITATION_DELIVERY_FAILED",
                "MEMBER_JOINED",
                "MEMBER_RENAMED",
                "MEMBER_ROLE_CHANGED",
                "MEMBER_REMOVED",
                "MEMBER_LEFT",
                "LICENSES_PURCHASED",
                "ENTITLEMENT_GRANTED",
                "LICENSE_PROVISIONED",
                "LICENSE_REVOKED",
                "LICENSE_SUSPENDED",
                "LICENSE_REINSTATED",
                "LICENSE_TRANSFERRED",
                "LICENSE_EXPIRED",
                "THEME_FILE_DOWNLOADED",
                "REPORT_DOWNLOADED",
                "INVOICE_DOWNLOADED",
                "API_KEY_GENERATED",
                "API_KEY_CLAIMED",
                "API_KEY_ROTATED",
                "API_KEY_REVOKED",
                "API_CALLED",
                "BILLING_DETAILS_CHANGED",
                "INVOICE_ISSUED",
                "INVOICE_PAID",
                "INVOICE_VOIDED",
                name="audit_action",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "ALLOWED",
                "DENIED",
                name="audit_outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column(
            "actor_kind",
            sa.Enum(
                "MEMBER", "SYSTEM", name="actor_kind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("actor_member_id", sa.UUID(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column(
            "credential_kind",
            sa.Enum(
                "SESSION",
                "API_KEY",
                "INVITATION",
                "OPERATOR",
                name="credential_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("credential_id", sa.UUID(), nullable=True),
        sa.Column("credential_label", sa.String(), nullable=True),
        sa.Column("target_type", sa.String(), nullable=True),
        sa.Column("target_id", sa.UUID(), nullable=True),
        sa.Column("target_name", sa.String(), nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_events_account_id")),
        sa.PrimaryKeyConstraint("account_id", "sequence", name=op.f("pk_audit_events")),
    )
    op.create_index(
        "ix_audit_events_action", "audit_events", ["account_id", "action", "sequence"], unique=False
    )
    op.create_index(
        "ix_audit_events_actor", "audit_events", ["account_id", "actor_member_id", "sequence"], unique=False
    )
    op.create_index(
        "ix_audit_events_api_key",
        "audit_events",
        ["account_id", "credential_id", "sequence"],
        unique=False,
        postgresql_where=sa.text("credential_kind = 'API_KEY'"),
    )
    op.create_index(
        "ix_audit_events_denied",
        "audit_events",
        ["account_id", "sequence"],
        unique=False,
        postgresql_where=sa.text("outcome = 'DENIED'"),
    )
    op.create_index(
        "ix_audit_events_occurred", "audit_events", ["account_id", "occurred_at", "sequence"], unique=False
    )
    op.create_index(
        "ix_audit_events_request",
        "audit_events",
        ["account_id", "request_id", "sequence"],
        unique=False,
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    op.create_index(
        "ix_audit_events_target", "audit_events", ["account_id", "target_id", "sequence"], unique=False
    )
    op.create_index("uq_audit_events_id", "audit_events", ["account_id", "id"], unique=True)
    op.create_table(
        "audit_heads",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_heads_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "entitlements",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("theme_id", sa.UUID(), nullable=False),
        sa.Column("purchased", sa.Integer(), nullable=False),
        sa.Column("provisioned", sa.Integer(), nullable=False),
        sa.CheckConstraint("provisioned BETWEEN 0 AND purchased", name=op.f("ck_entitlements_provisioned")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_entitlements_account_id")),
        sa.ForeignKeyConstraint(["theme_id"], ["themes.id"], name=op.f("fk_entitlements_theme_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_entitlements")),
        sa.UniqueConstraint("account_id", "theme_id", name=op.f("uq_entitlements_account_id_theme_id")),
    )
    op.create_table(
        "members",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ADMIN", "MEMBER", "VIEWER", name="role", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_active_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "NOT is_owner OR (role = 'ADMIN' AND removed_at IS NULL)", name=op.f("ck_members_owner_is_admin")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_members_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_members")),
    )
    op.create_index("ix_members_email", "members", ["account_id", "email"], unique=False)
    op.create_index("ix_members_joined", "members", ["account_id", "joined_at", "id"], unique=False)
    op.create_index(
        "ix_members_last_active",
        "members",
        ["account_id", sa.literal_column("coalesce(last_active_at, joined_at)"), "id"],
        unique=False,
    )
    op.create_index(
        "ix_members_name", "members", ["account_id", sa.literal_column("lower(name)"), "id"], unique=False
    )
    op.create_index(
        "ix_members_of_user",
        "members",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_members_owner", "members", ["account_id"], unique=True, postgresql_where=sa.text("is_owner")
    )
    op.create_index(
        "uq_members_person",
        "members",
        ["account_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id", "id"], unique=False)
    op.create_table(
        "theme_releases",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("theme_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["theme_id"], ["themes.id"], name=op.f("fk_theme_releases_theme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_theme_releases")),
        sa.UniqueConstraint("theme_id", "version", name=op.f("uq_theme_releases_theme_id_version")),
    )
    op.create_table(
        "invitations",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "ADMIN", "MEMBER", "VIEWER", name="role", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "ACCEPTED",
                "DECLINED",
                "REVOKED",
                "EXPIRED",
                name="invitation_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by_id", sa.UUID(), nullable=False),
        sa.Column("accepted_by_id", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emails", sa.Integer(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "delivery",
            sa.Enum(
                "QUEUED",
                "SENT",
                "FAILED",
                name="delivery_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("delivery_error", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "accepted_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_invitations_account_id_accepted_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "invited_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_invitations_account_id_invited_by_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_invitations_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index("ix_invitations_created", "invitations", ["account_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_invitations_due",
        "invitations",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_index("ix_invitations_email", "invitations", ["account_id", "email"], unique=False)
    op.create_index(
        "uq_invitations_pending_email",
        "invitations",
        ["account_id", "email"],
        unique=True,
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_table(
        "licenses",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("theme_id", sa.UUID(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "SUSPENDED",
                "REVOKED",
                "EXPIRED",
                name="license_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("holder_id", sa.UUID(), nullable=False),
        sa.Column("provisioned_by_id", sa.UUID(), nullable=False),
        sa.Column("provisioned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.UUID(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(), nullable=True),
        sa.Column("last_downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "holder_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_licenses_account_id_holder_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "provisioned_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_licenses_account_id_provisioned_by_id"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "revoked_by_id"],
            ["members.account_id", "members.id"],
            name=op.f("fk_licenses_account_id_revoked_by_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_licenses_account_id")),
        sa.ForeignKeyConstraint(["theme_id"], ["themes.id"], name=op.f("fk_licenses_theme_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_licenses")),
        sa.UniqueConstraint("key", name=op.f("uq_licenses_key")),
    )
    op.create_index(
        "ix_licenses_active",
        "licenses",
        ["account_id", "provisioned_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.create_index(
        "ix_licenses_holder", "licenses", ["account_id", "holder_id", "provisioned_at", "id"], unique=False
    )
    op.create_index(
        "ix_licenses_provisioned", "licenses", ["account_id", "provisioned_at", "id"], unique=False
    )
    op.create_index("ix_licenses_site", "licenses", ["account_id", "site", "id"], unique=False)
    op.create_index(
        "ix_licenses_theme", "licenses", ["account_id", "theme_id", "provisioned_at", "id"], unique=False
    )
    op.create_index(
        "uq_licenses_site",
        "licenses",
        ["account_id", "theme_id", "site"],
        unique=True,
        postgresql_where=sa.text("status IN ('ACTIVE', 'SUSPENDED')"),
    )
    op.create_table(
        "theme_files",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("release_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["theme_releases.id"], name=op.f("fk_theme_files_release_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_theme_files")),
        sa.UniqueConstraint("release_id", "name", name=op.f("uq_theme_files_release_id_name")),
    )


def downgrade() -> None:
    op.drop_table("theme_files")
    op.drop_index(
        "uq_licenses_site",
        table_name="licenses",
        postgresql_where=sa.text("status IN ('ACTIVE', 'SUSPENDED')"),
    )
    op.drop_index("ix_licenses_theme", table_name="licenses")
    op.drop_index("ix_licenses_site", table_name="licenses")
    op.drop_index("ix_licenses_provisioned", table_name="licenses")
    op.drop_index("ix_licenses_holder", table_name="licenses")
    op.drop_index("ix_licenses_active", table_name="licenses", postgresql_where=sa.text("status = 'ACTIVE'"))
    op.drop_table("licenses")
    op.drop_index(
        "uq_invitations_pending_email",
        table_name="invitations",
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.drop_index("ix_invitations_email", table_name="invitations")
    op.drop_index(
        "ix_invitations_due", table_name="invitations", postgresql_where=sa.text("status = 'PENDING'")
    )
    op.drop_index("ix_invitations_created", table_name="invitations")
    op.drop_table("invitations")
    op.drop_table("theme_releases")
    op.drop_index("ix_sessions_user_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("uq_members_person", table_name="members", postgresql_where=sa.text("removed_at IS NULL"))
    op.drop_index("uq_members_owner", table_name="members", postgresql_where=sa.text("is_owner"))
    op.drop_index("ix_members_of_user", table_name="members", postgresql_where=sa.text("removed_at IS NULL"))
    op.drop_index("ix_members_name", table_name="members")
    op.drop_index("ix_members_last_active", table_name="members")
    op.drop_index("ix_members_joined", table_name="members")
    op.drop_index("ix_members_email", table_name="members")
    op.drop_table("members")
    op.drop_table("entitlements")
    op.drop_table("audit_heads")
    op.drop_index("uq_audit_events_id", table_name="audit_events")
    op.drop_index("ix_audit_events_target", table_name="audit_events")
    op.drop_index(
        "ix_audit_events_request",
        table_name="audit_events",
        postgresql_where=sa.text("request_id IS NOT NULL"),
    )
    op.drop_index("ix_audit_events_occurred", table_name="audit_events")
    op.drop_index(
        "ix_audit_events_denied", table_name="audit_events", postgresql_where=sa.text("outcome = 'DENIED'")
    )
    op.drop_index(
        "ix_audit_events_api_key",
        table_name="audit_events",
        postgresql_where=sa.text("credential_kind = 'API_KEY'"),
    )
    op.drop_index("ix_audit_events_actor", table_name="audit_events")
    op.drop_index("ix_audit_events_action", table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("users")
    op.drop_index("ix_themes_price", table_name="themes")
    op.drop_index("ix_themes_newest", table_name="themes")
    op.drop_index("ix_themes_name", table_name="themes")
    op.drop_table("themes")
    op.drop_index("ix_sign_in_links_email", table_name="sign_in_links")
    op.drop_table("sign_in_links")
    op.drop_index("ix_idempotency_keys_created", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("accounts")
