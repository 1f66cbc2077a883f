import type { SessionGuardQuery$data } from "../__generated__/SessionGuardQuery.graphql";

export type Viewer = NonNullable<SessionGuardQuery$data["viewer"]>;
export type Membership = Viewer["memberships"][number];
export type Permission = Exclude<Membership["account"]["viewerPermissions"][number], "%future added value">;
export type Role = Exclude<Membership["role"], "%future added value">;
