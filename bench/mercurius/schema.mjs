// The part of the API's schema that is asked for here.
export const schema = `
  scalar DateTime
  scalar JSON

  enum Role { ADMIN MEMBER VIEWER }
  enum LicenseStatus { ACTIVE SUSPENDED REVOKED EXPIRED }
  enum AuditOutcome { ALLOWED DENIED }
  enum ActorKind { MEMBER SYSTEM }
  enum AuditAction { LICENSE_PROVISIONED LICENSE_REVOKED MEMBER_INVITED MEMBER_JOINED MEMBER_ROLE_CHANGED }

  type Query {
    viewer: Viewer
    account: Account
  }
  type Viewer {
    user: User!
    memberships: [Member!]!
  }
  type User {
    name: String!
  }
  type Account {
    name: String!
    members(first: Int = 50): MemberConnection
    licenses(first: Int = 50): LicenseConnection
    auditLog(first: Int = 50): AuditEventConnection
  }
  type PageInfo {
    hasNextPage: Boolean!
    endCursor: String
  }
  type MemberConnection {
    nodes: [Member!]!
    pageInfo: PageInfo!
  }
  type LicenseConnection {
    nodes: [License!]!
    pageInfo: PageInfo!
  }
  type AuditEventConnection {
    nodes: [AuditEvent!]!
    pageInfo: PageInfo!
  }
  type Member {
    id: ID!
    name: String!
    email: String
    role: Role!
    isOwner: Boolean!
    joinedAt: DateTime!
    lastActiveAt: DateTime
    account: Account!
    activity(first: Int = 50): AuditEventConnection
  }
  type Theme {
    id: ID!
    slug: String!
    name: String!
  }
  type License {
    id: ID!
    site: String!
    status: LicenseStatus!
    key: String
    provisionedAt: DateTime!
    expiresAt: DateTime
    theme: Theme!
    holder: Member!
  }
  type AuditActor {
    kind: ActorKind!
    name: String!
    member: Member
  }
  type AuditEvent {
    id: ID!
    sequence: Int!
    occurredAt: DateTime!
    action: AuditAction!
    outcome: AuditOutcome!
    summary: String!
    targetType: String
    targetName: String
    ip: String
    userAgent: String
    requestId: String
    details: JSON!
    actor: AuditActor!
  }
`
