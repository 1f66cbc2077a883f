// The same API on another fast stack: Fastify, Mercurius with graphql-jit and its loaders, and pg.
import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import { GraphQLScalarType } from 'graphql'
import mercurius from 'mercurius'
import * as sql from './database.mjs'
import { rows } from './database.mjs'
import { schema } from './schema.mjs'

const digits = (id) => id.replaceAll('-', '')
const globalId = (prefix, id) => `${prefix}_${digits(id)}`

// 2026-01-31 12:00:00.1234+00 in, 2026-01-31T12:00:00.123400Z out: trailing zeros are not sent.
function time (text) {
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(6, '0')}Z`
}

const timeOrNull = (text) => (text === null ? null : time(text))

function page (found, first, order, keys) {
  const nodes = found.slice(0, first)
  const last = nodes.at(-1)
  const cursor = () => Buffer.from(JSON.stringify([order, ...keys(last)])).toString('base64url')
  return { nodes, pageInfo: { hasNextPage: found.length > first, endCursor: last ? cursor() : null } }
}

const size = (first) => Math.min(first, 100)

function requireRole (context, accountId, admin = false) {
  const membership = context.memberships.find((each) => each.account_id === accountId)
  if (!membership || (admin && membership.role !== 'ADMIN')) {
    throw new mercurius.ErrorWithProps('Your role does not allow this.', { code: 'FORBIDDEN' })
  }
  return membership
}

function requireAdminOr (context, accountId, ownerId) {
  const membership = requireRole(context, accountId)
  if (membership.id !== ownerId) requireRole(context, accountId, true)
}

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime' }),
  JSON: new GraphQLScalarType({ name: 'JSON' }),
  Query: {
    viewer: (_root, _arguments, { user, memberships }) => user && { user, memberships },
    account: async (_root, _arguments, context) => {
      if (context.memberships.length !== 1) return null
      return (await rows('accounts', sql.ACCOUNTS, [[context.memberships[0].account_id]]))[0]
    }
  },
  Account: {
    members: async (account, { first }, context) => {
      requireRole(context, account.id)
      const found = await rows('members', sql.MEMBERS, [account.id, size(first) + 1])
      return page(found, size(first), 'joined', (row) => [time(row.joined_at), digits(row.id)])
    },
    licenses: async (account, { first }, context) => {
      const isAdmin = requireRole(context, account.id).role === 'ADMIN'
      const found = await rows('licenses', sql.LICENSES, [account.id, size(first) + 1, isAdmin])
      return page(found, size(first), 'newest', (row) => [time(row.provisioned_at), digits(row.id)])
    },
    auditLog: async (account, { first }, context) => {
      requireRole(context, account.id, true)
      const found = await rows('audit', sql.AUDIT_LOG, [account.id, size(first) + 1])
      return page(found, size(first), 'sequence', (row) => [row.sequence])
    }
  },
  Member: {
    id: (row) => globalId('member', row.id),
    email: (row, _arguments, context) => {
      requireAdminOr(context, row.account_id, row.id)
      return row.email
    },
    isOwner: (row) => row.is_owner,
    joinedAt: (row) => time(row.joined_at),
    lastActiveAt: (row) => timeOrNull(row.last_active_at)
  },
  Theme: { id: (row) => globalId('theme', row.id) },
  License: {
    id: (row) => globalId('license', row.id),
    key: (row, _arguments, context) => {
      requireAdminOr(context, row.account_id, row.holder_id)
      return row.key
    },
    provisionedAt: (row) => time(row.provisioned_at),
    expiresAt: (row) => timeOrNull(row.expires_at)
  },
  AuditEvent: {
    id: (row) => globalId('event', row.id),
    occurredAt: (row) => time(row.occurred_at),
    targetType: (row) => row.target_type,
    targetName: (row) => row.target_name,
    userAgent: (row) => row.user_agent,
    requestId: (row) => row.request_id,
    actor: (row) => row
  },
  AuditActor: { kind: (row) => row.actor_kind, name: (row) => row.actor_name }
}

const byId = (found) => new Map(found.map((row) => [row.id, row]))

async function membersOf (queries, column) {
  const asked = queries.filter(({ obj }) => obj[column] !== null)
  const accounts = [...new Set(asked.map(({ obj }) => obj.account_id))]
  const ids = [...new Set(asked.map(({ obj }) => obj[column]))]
  const found = byId(await rows('members by id', sql.MEMBERS_BY_ID, [accounts, ids]))
  return queries.map(({ obj }) => found.get(obj[column]) ?? null)
}

async function activityOf (queries, context) {
  for (const { obj } of queries) requireAdminOr(context, obj.account_id, obj.id)
  const members = [...new Map(queries.map(({ obj }) => [obj.id, obj])).values()]
  const most = Math.max(...queries.map(({ params }) => size(params.first))) + 1
  const values = [members.map((each) => each.account_id), members.map((each) => each.id), most]
  const found = grouped(await rows('activity', sql.ACTIVITY, values))
  return queries.map(({ obj, params: { first } }) => {
    const shown = (found.get(obj.id) ?? []).slice(0, size(first) + 1)
    return page(shown, size(first), 'sequence', (row) => [row.sequence])
  })
}

function grouped (found) {
  const groups = new Map()
  for (const row of found) {
    const group = groups.get(row.actor_member_id)
    if (group) group.push(row)
    else groups.set(row.actor_member_id, [row])
  }
  return groups
}

// Without the cache of results by key, which costs more here than it saves.
const loader = (load) => ({ loader: load, opts: { cache: false } })

const loaders = {
  Member: {
    account: loader(async (queries) => {
      const ids = [...new Set(queries.map(({ obj }) => obj.account_id))]
      const found = byId(await rows('accounts', sql.ACCOUNTS, [ids]))
      return queries.map(({ obj }) => found.get(obj.account_id))
    }),
    activity: loader(activityOf)
  },
  License: {
    theme: loader(async (queries) => {
      const ids = [...new Set(queries.map(({ obj }) => obj.theme_id))]
      const found = byId(await rows('themes', sql.THEMES, [ids]))
      return queries.map(({ obj }) => found.get(obj.theme_id))
    }),
    holder: loader((queries) => membersOf(queries, 'holder_id'))
  },
  AuditActor: { member: loader((queries) => membersOf(queries, 'actor_member_id')) }
}

async function context (request) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer') return { user: null, memberships: [] }
  const found = await rows('look up', sql.LOOK_UP, [createHash('sha256').update(token).digest()])
  if (found.length === 0) throw new mercurius.ErrorWithProps('Sign in first.', { code: 'UNAUTHENTICATED' })
  return { user: { name: found[0].user_name }, memberships: found.filter((row) => row.id !== null) }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, loaders, context, jit: 1, graphiql: false })
process.on('SIGTERM', () => process.exit(0))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
