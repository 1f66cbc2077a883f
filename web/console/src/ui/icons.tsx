import type { ReactNode } from "react";

function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.6">
      {children}
    </svg>
  );
}

export const CrossIcon = () => (
  <Icon>
    <path d="M5 5l10 10M15 5L5 15" strokeLinecap="round" />
  </Icon>
);

export const MoreIcon = () => (
  <Icon>
    <g fill="currentColor" stroke="none">
      <circle cx="4" cy="10" r="1.6" />
      <circle cx="10" cy="10" r="1.6" />
      <circle cx="16" cy="10" r="1.6" />
    </g>
  </Icon>
);

export const ChevronIcon = () => (
  <Icon>
    <path d="M5.5 8l4.5 4.5L14.5 8" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.2" />
    <path d="M13 13l4 4" strokeLinecap="round" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" strokeLinecap="round" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="10" cy="7" r="3" />
    <path d="M4 16.5c.5-3.2 2.9-5 6-5s5.5 1.8 6 5" strokeLinecap="round" />
  </Icon>
);

export const KeyIcon = () => (
  <Icon>
    <circle cx="6.6" cy="10" r="3.4" />
    <path d="M10 10h7.5M14.2 10v3M17.2 10v2.2" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const SessionsIcon = () => (
  <Icon>
    <path d="M3.5 4h13v9h-13zM7 16.5h6M10 13v3.5" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const DataIcon = () => (
  <Icon>
    <path d="M5 2.5h6.5L15 6v11.5H5zM11.5 2.5V6H15M7.5 10h5M7.5 13.5h5" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const CatalogIcon = () => (
  <Icon>
    <path d="M3.5 3.5h5.5v5.5H3.5zM11 3.5h5.5v5.5H11zM3.5 11h5.5v5.5H3.5zM11 11h5.5v5.5H11z" strokeLinejoin="round" />
  </Icon>
);

export const BillingIcon = () => (
  <Icon>
    <path d="M2.5 5h15v10h-15zM2.5 8.5h15M5.5 12h3" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const TeamIcon = () => (
  <Icon>
    <circle cx="7.5" cy="7" r="2.8" />
    <path d="M2 16c.4-3 2.6-4.6 5.5-4.6S12.6 13 13 16M13 4.6a2.6 2.6 0 010 5M15 11.8c1.7.6 2.8 2 3 4.2" strokeLinecap="round" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <path d="M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3" strokeLinejoin="round" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="M4.5 10.5l3.8 3.8 7.2-8" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const LicensesIcon = () => (
  <Icon>
    <circle cx="6.6" cy="13.4" r="3.1" />
    <path d="M9 11l7-7M13.2 6.8l2.4 2.4" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const AccountIcon = () => (
  <Icon>
    <path d="M4 17V4.5A1.5 1.5 0 015.5 3h6A1.5 1.5 0 0113 4.5V17M13 8h1.5A1.5 1.5 0 0116 9.5V17M2.5 17h15" strokeLinecap="round" />
    <path d="M7 6.6h3M7 10h3M7 13.4h3" strokeLinecap="round" />
  </Icon>
);

export const AuditIcon = () => (
  <Icon>
    <path d="M5 2.8h7.2L15.5 6v11.2H5zM7.8 8h5M7.8 11h5M7.8 14h3" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);

export const FilterIcon = () => (
  <Icon>
    <path d="M3.5 5.5h13M6 10h8M8.5 14.5h3" strokeLinecap="round" />
  </Icon>
);

export const DownloadIcon = () => (
  <Icon>
    <path d="M10 3.5v9M6.2 9l3.8 3.8L13.8 9M4 16.5h12" strokeLinecap="round" strokeLinejoin="round" />
  </Icon>
);
