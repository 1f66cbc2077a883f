import { Link } from "wouter";
import type { Permission } from "../relay/types";
import { MoreIcon } from "../ui/icons";
import type { Column } from "../ui/GridRow";
import { Expiry } from "./Expiry";
import { InstalledVersion } from "./InstalledVersion";
import { LicenseMenu } from "./LicenseMenu";
import { LicenseStatusBadge } from "./LicenseStatusBadge";
import type { LicenseRow } from "./LicenseTable";
import { actsOn, licenseName, type LicenseActName } from "./licenseActs";

interface Options {
  readonly permissions: ReadonlySet<Permission>;
  readonly memberId: string;
  readonly urlOf: (licenseId: string) => string;
  readonly onOpen: (act: LicenseActName, license: LicenseRow) => void;
}

export function licenseColumns({ permissions, memberId, urlOf, onOpen }: Options): readonly Column<LicenseRow>[] {
  return [
    {
      id: "site",
      header: "Site and theme",
      isRowHeader: true,
      cell: ({ id, site, theme }, tabIndex) => (
        <span className="license-site">
          <Link href={urlOf(id)} tabIndex={tabIndex}>
            {site}
          </Link>
          <span className="hint">{theme.name}</span>
        </span>
      ),
    },
    { id: "status", header: "Status", cell: ({ status }) => <LicenseStatusBadge status={status} /> },
    { id: "holder", header: "Holder", cell: ({ holder }) => (holder.id === memberId ? "You" : holder.name) },
    { id: "version", header: "Installed", cell: (license) => <InstalledVersion license={license} /> },
    { id: "expiry", header: "Expires", cell: ({ expiresAt, status }) => <Expiry value={expiresAt} status={status} /> },
    {
      id: "menu",
      header: <span className="visually-hidden">Actions</span>,
      cell: (license, tabIndex) => (
        <LicenseMenu
          license={license}
          acts={actsOn(license, permissions, memberId)}
          triggerProps={{
            className: "icon-button",
            "aria-label": `Actions for ${licenseName(license)}`,
            excludeFromTabOrder: tabIndex !== 0,
            children: <MoreIcon />,
          }}
          onOpen={(act) => onOpen(act, license)}
        />
      ),
    },
  ];
}
