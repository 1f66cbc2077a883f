# ruff: noqa: S608 - put together from constants
"""Statements of the floor in which PostgreSQL writes the JSON by concatenating text, its fastest way.

The parameter is a result of `floor.LOOK_UP`: the person for `viewer`, the account for the others.
"""

_MICROSECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


def _object(**fields: str) -> str:
    """The values are arguments of `concat` that write JSON."""
    parts = [f"""'{"," if place else "{"}"{name}":', {fields[name]}""" for place, name in enumerate(fields)]
    return f"concat({', '.join(parts)}, '}}')"


def _id(prefix: str, column: str) -> str:
    return f"""'"{prefix}_', encode(uuid_send({column}), 'hex'), '"'"""


def _plain(column: str) -> str:
    """JSON string of a text without characters to escape, such as the value of an enum."""
    return f"""'"', {column}, '"'"""


def _text(column: str) -> str:
    return f"to_json({column})"


def _time(column: str) -> str:
    return f"""'"', to_char({column} AT TIME ZONE 'UTC', '{_MICROSECONDS}'), '"'"""


def _or_null(text: str) -> str:
    return f"coalesce({text}, 'null')"


def _text_or_null(column: str) -> str:
    return _or_null(f"to_json({column})::text")


def _time_or_null(column: str, form: str = _MICROSECONDS) -> str:
    return _or_null(f"""'"' || to_char({column} AT TIME ZONE 'UTC', '{form}') || '"'""")


def _cursor(name: str, *columns: str) -> str:
    """Cursor in base64url. PostgreSQL's base64 has line breaks and another alphabet."""
    text = f"""concat('["{name}"', {", ".join(columns)}, ']')"""
    return rf"translate(encode(convert_to({text}, 'UTF8'), 'base64'), E'+/=\n', '-_')"


def _cursor_time(column: str) -> str:
    return f"""',"', to_char({column} AT TIME ZONE 'UTC', '{_MICROSECONDS}'), '"'"""


def _cursor_id(column: str) -> str:
    return f"""',"', encode(uuid_send({column}), 'hex'), '"'"""


def _connection(field: str, size: int, page: str, node: str, joins: str, cursor: str) -> str:
    """`page` reads one more than `size`, each with its `place`."""
    return f"""
        WITH page AS MATERIALIZED ({page} LIMIT {size + 1})
        SELECT concat('{{"account":{{"{field}":{{"nodes":[',
            (SELECT string_agg({node}, ',' ORDER BY place) FROM page {joins} WHERE place <= {size}),
            '],"pageInfo":{{"hasNextPage":', to_json((SELECT count(*) FROM page) > {size}), ',"endCursor":',
            {
        _or_null(f'''(SELECT '"' || {cursor} || '"' FROM page WHERE place <= {size}
                ORDER BY place DESC LIMIT 1)''')
    },
            '}}}}}}}}')"""


_THEME = _object(id=_id("theme", "theme.id"), slug=_text("theme.slug"), name=_text("theme.name"))
_HOLDER = _object(id=_id("member", "holder.id"), name=_text("holder.name"))
_STATUS = """CASE WHEN page.status IN ('ACTIVE', 'SUSPENDED') AND page.expires_at <= now()
    THEN 'EXPIRED' ELSE page.status END"""
_LICENSES = """SELECT *, row_number() OVER (ORDER BY provisioned_at DESC, id DESC) AS place FROM licenses
    WHERE account_id = $1 ORDER BY provisioned_at DESC, id DESC"""
_JOIN_HOLDER = "JOIN members holder ON holder.account_id = page.account_id AND holder.id = page.holder_id"

VIEWER = f"""
    SELECT concat('{{"viewer":{{"user":', {_object(name="(SELECT to_json(name) FROM users WHERE id = $1)")},
        ',"memberships":[', string_agg(
            {_object(role=_plain("members.role"), account=_object(name=_text("accounts.name")))},
            ',' ORDER BY members.id), ']}}}}')
    FROM members JOIN accounts ON accounts.id = members.account_id
    WHERE members.user_id = $1 AND members.removed_at IS NULL"""

MEMBERS = _connection(
    "members",
    50,
    """SELECT *, row_number() OVER (ORDER BY joined_at, id) AS place FROM members
    WHERE account_id = $1 AND removed_at IS NULL ORDER BY joined_at, id""",
    _object(
        id=_id("member", "id"),
        name=_text("name"),
        email=_text("email"),
        role=_plain("role"),
        isOwner=_text("is_owner"),
        joinedAt=_time("joined_at"),
        lastActiveAt=_time_or_null("last_active_at"),
    ),
    "",
    _cursor("joined", _cursor_time("joined_at"), _cursor_id("id")),
)

LICENSES = _connection(
    "licenses",
    50,
    _LICENSES,
    _object(
        id=_id("license", "page.id"),
        site=_text("site"),
        status=_plain(_STATUS),
        key=_text("key"),
        provisionedAt=_time("provisioned_at"),
        expiresAt=_time_or_null("expires_at"),
        theme=_THEME,
        holder=_HOLDER,
    ),
    f"JOIN themes theme ON theme.id = page.theme_id {_JOIN_HOLDER}",
    _cursor("newest", _cursor_time("provisioned_at"), _cursor_id("id")),
)

AUDIT = _connection(
    "auditLog",
    100,
    """SELECT *, row_number() OVER (ORDER BY sequence DESC) AS place FROM audit_events
    WHERE account_id = $1 ORDER BY sequence DESC""",
    _object(
        id=_id("event", "page.id"),
        sequence="sequence",
        occurredAt=_time("occurred_at"),
        action=_plain("action"),
        outcome=_plain("outcome"),
        summary=_text("summary"),
        targetType=_text_or_null("target_type"),
        targetName=_text_or_null("target_name"),
        ip=_text_or_null("ip"),
        userAgent=_text_or_null("user_agent"),
        requestId=_text_or_null("request_id"),
        details="details",
        actor=_object(
            kind=_plain("actor_kind"),
            name=_text("actor_name"),
            member=f"""CASE WHEN actor.id IS NULL THEN 'null' ELSE
                {_object(id=_id("member", "actor.id"), role=_plain("actor.role"))} END""",
        ),
    ),
    "LEFT JOIN members actor ON actor.account_id = page.account_id AND actor.id = page.actor_member_id",
    _cursor("sequence", "','", "sequence"),
)

_EVENT = _object(
    id=_id("event", "event.id"),
    sequence="event.sequence",
    occurredAt=_time("event.occurred_at"),
    action=_plain("event.action"),
    summary=_text("event.summary"),
)
_ACTIVITY = f"""coalesce((SELECT string_agg({_EVENT}, ',' ORDER BY event.sequence DESC) FROM (
    SELECT * FROM audit_events WHERE account_id = $1 AND actor_member_id = member.id
    ORDER BY sequence DESC LIMIT 5) event), '')"""
_ACTIVE_HOLDER = _object(
    id=_id("member", "member.id"),
    name=_text("member.name"),
    activity=f"""'{{"nodes":[', {_ACTIVITY}, ']}}'""",
)
_LICENSE = _object(
    id=_id("license", "page.id"), site=_text("page.site"), status=_plain(_STATUS), holder="holder.json"
)

NESTED = f"""
    WITH page AS MATERIALIZED ({_LICENSES} LIMIT 20), holder AS MATERIALIZED (
        SELECT member.id, {_ACTIVE_HOLDER} AS json FROM members member
        WHERE member.account_id = $1 AND member.id IN (SELECT holder_id FROM page))
    SELECT concat('{{"account":{{"licenses":{{"nodes":[',
        string_agg({_LICENSE}, ',' ORDER BY place), ']}}}}}}')
    FROM page JOIN holder ON holder.id = page.holder_id"""
