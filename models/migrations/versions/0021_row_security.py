"""The app's role writes only rows of the account that its transaction is for"""

from alembic import op

revision = "0021"
down_revision = "0020"

# A change sets `team_access.account_id` as its transaction begins, and then locks that account's row. Elsewhere
# it is not set, and no row is of that account. Asked once a statement.
CURRENT = "(SELECT nullif(current_setting('team_access.account_id', true), '')::uuid)"
OWN = f"account_id = {CURRENT}"
TABLES = {
    "accounts": f"id = {CURRENT}",
    **dict.fromkeys(
        (
            *(
                "api_keys",
                "audit_cuts",
                "audit_events",
                "audit_heads",
                "audit_streams",
                "audit_verifications",
            ),
            *(
                "billing_details",
                "download_links",
                "entitlements",
                "invitations",
                "invoice_lines",
                "invoices",
            ),
            *("licenses", "members"),
        ),
        OWN,
    ),
}
# Calls of many accounts are appended by one statement; links that are over are forgotten by one, too.
OTHER = {
    ("audit_events", "INSERT"): f"{OWN} OR action = 'API_CALLED'",
    ("download_links", "DELETE"): f"{OWN} OR expires_at < now()",
}

# What is written of many accounts at once, or by requests that change nothing: these columns, and no others.
FUNCTIONS = (
    """
CREATE FUNCTION note_members_active(person uuid, accounts uuid[], at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE members SET last_active_at = at WHERE (account_id, id) IN (
        SELECT account_id, id FROM members
        WHERE account_id = ANY (accounts) AND user_id = person AND removed_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
    )
$$
""",
    """
CREATE FUNCTION note_api_key_used(account uuid, key uuid, last_used timestamptz, ip text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE api_keys SET last_used_at = now(), last_used_ip = ip WHERE account_id = account AND id IN (
        SELECT id FROM api_keys
        WHERE account_id = account AND id = key AND last_used_at IS NOT DISTINCT FROM last_used
        FOR NO KEY UPDATE SKIP LOCKED
    )
$$
""",
    # Those whose log has grown, and of them, who has waited longest.
    """
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
$$
""",
)
SIGNATURES = (
    "note_members_active(uuid, uuid[], timestamptz)",
    "note_api_key_used(uuid, uuid, timestamptz, text)",
    "claim_audit_streams(uuid, double precision, boolean, integer)",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(function)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {', '.join(SIGNATURES)} FROM PUBLIC")
    for table, own in TABLES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {table}_read ON {table} FOR SELECT USING (true)")
        added = OTHER.get((table, "INSERT"), own)
        op.execute(f"CREATE POLICY {table}_insert ON {table} FOR INSERT WITH CHECK ({added})")
        op.execute(f"CREATE POLICY {table}_update ON {table} FOR UPDATE USING ({own}) WITH CHECK ({own})")
        deleted = OTHER.get((table, "DELETE"), own)
        op.execute(f"CREATE POLICY {table}_delete ON {table} FOR DELETE USING ({deleted})")


def downgrade() -> None:
    for table in TABLES:
        for policy in ("read", "insert", "update", "delete"):
            op.execute(f"DROP POLICY {table}_{policy} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"DROP FUNCTION {', '.join(SIGNATURES)}")
