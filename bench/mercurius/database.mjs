// Prepared statements by name, on ten connections, as the other servers have.
import pg from 'pg'

const TIMESTAMPTZ = 1184
const BIGINT = 20
// Times stay text: a JavaScript Date has no microseconds.
pg.types.setTypeParser(TIMESTAMPTZ, (text) => text)
pg.types.setTypeParser(BIGINT, Number)

const pool = new pg.Pool({ max: 10, options: '-c jit=off', application_name: 'bench-mercurius' })

export async function rows (name, text, values) {
  return (await pool.query({ name, text, values })).rows
}

const MEMBER = 'account_id, id, name, email, role, is_owner, joined_at, last_active_at'
const EVENT = `account_id, id, sequence, occurred_at, action, outcome, summary, target_type, target_name,
  ip, user_agent, request_id, details, actor_kind, actor_name, actor_member_id`

export const LOOK_UP = `
  SELECT users.name AS user_name, members.account_id, members.id, members.role
  FROM sessions JOIN users ON users.id = sessions.user_id
  LEFT JOIN members ON members.user_id = users.id AND members.removed_at IS NULL
  WHERE sessions.token_hash = $1 AND sessions.ended_at IS NULL AND sessions.expires_at > now()
  ORDER BY members.id`

export const ACCOUNTS = 'SELECT id, name FROM accounts WHERE id = ANY($1::uuid[])'
export const THEMES = 'SELECT id, slug, name FROM themes WHERE id = ANY($1::uuid[])'
export const MEMBERS_BY_ID = `
  SELECT ${MEMBER} FROM members WHERE account_id = ANY($1::uuid[]) AND id = ANY($2::uuid[])`
export const MEMBERS = `
  SELECT ${MEMBER} FROM members WHERE account_id = $1 AND removed_at IS NULL ORDER BY joined_at, id LIMIT $2`
export const LICENSES = `
  SELECT account_id, id, site, key, provisioned_at, expires_at, theme_id, holder_id,
    CASE WHEN status IN ('ACTIVE', 'SUSPENDED') AND expires_at <= now() THEN 'EXPIRED' ELSE status END AS status
  FROM licenses
  WHERE account_id = $1 AND ($3 OR status = 'ACTIVE' AND (expires_at IS NULL OR expires_at > now()))
  ORDER BY provisioned_at DESC, id DESC LIMIT $2`
export const AUDIT_LOG = `
  SELECT ${EVENT} FROM audit_events WHERE account_id = $1 ORDER BY sequence DESC LIMIT $2`
export const ACTIVITY = `
  SELECT event.* FROM unnest($1::uuid[], $2::uuid[]) AS asked (account_id, member_id)
  CROSS JOIN LATERAL (
    SELECT ${EVENT} FROM audit_events
    WHERE account_id = asked.account_id AND actor_member_id = asked.member_id
    ORDER BY sequence DESC LIMIT $3) event`
