import { Link } from "wouter";
import type { Permission } from "../relay/types";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";
import type { Column } from "../ui/GridRow";
import { MoreIcon } from "../ui/icons";
import { actsOn, type KeyActName } from "./keyActs";
import { KeyMenu } from "./KeyMenu";
import { KeyStatusBadge } from "./KeyStatusBadge";
import type { KeyRow } from "./KeyTable";
import { scopesText } from "./scopes";

interface Options {
  readonly permissions: ReadonlySet<Permission>;
  readonly memberId: string;
  readonly showsMember: boolean;
  readonly urlOf: (keyId: string) => string;
  readonly onOpen: (act: KeyActName, apiKey: KeyRow) => void;
}

export function keyColumns({ permissions, memberId, showsMember, urlOf, onOpen }: Options): readonly Column<KeyRow>[] {
  const columns: (Column<KeyRow> | false)[] = [
    {
      id: "name",
      header: "Key",
      isRowHeader: true,
      cell: ({ id, name, prefix, status }, tabIndex) => (
        <span className="key-name">
          <Link href={urlOf(id)} tabIndex={tabIndex}>
            {name}
          </Link>
          {status !== "UNCLAIMED" && (
            <span className="hint">
              <code>{prefix}…</code>
            </span>
          )}
        </span>
      ),
    },
    showsMember && { id: "member", header: "Member", cell: ({ member }) => (member.id === memberId ? "You" : member.name) },
    { id: "scopes", header: "Scopes", cell: ({ scopes }) => scopesText(scopes) },
    { id: "status", header: "Status", cell: ({ status }) => <KeyStatusBadge status={status} /> },
    {
      id: "expires",
      header: "Expires",
      cell: ({ expiresAt }) => (typeof expiresAt === "string" ? <Time value={expiresAt} detail="day" /> : "Never"),
    },
    {
      id: "used",
      header: "Last used",
      cell: ({ lastUsedAt }) => (typeof lastUsedAt === "string" ? <RelativeTime value={lastUsedAt} /> : "Never"),
    },
    {
      id: "menu",
      header: <span className="visually-hidden">Actions</span>,
      cell: (apiKey, tabIndex) => (
        <KeyMenu
          keyName={apiKey.name}
          acts={actsOn(apiKey, permissions, memberId)}
          triggerProps={{
            className: "icon-button",
            "aria-label": `Actions for ${apiKey.name}`,
            excludeFromTabOrder: tabIndex !== 0,
            children: <MoreIcon />,
          }}
          onOpen={(act) => onOpen(act, apiKey)}
        />
      ),
    },
  ];
  return columns.filter((column) => column !== false);
}
