import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { LicenseFilterPanelQuery } from "../__generated__/LicenseFilterPanelQuery.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { ThemePicker } from "../pickers/ThemePicker";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";
import { SelectField } from "../ui/SelectField";
import { VersionSelect } from "./VersionSelect";
import { CHECK_CHOICES, EXPIRY_CHOICES, FURTHER_FILTERS, NO_FILTERS, type LicenseFilters } from "./useLicenseFilters";

interface Props {
  readonly accountId: string;
  readonly filters: LicenseFilters;
  readonly onChange: (changes: Partial<LicenseFilters>) => void;
  readonly showsHolder: boolean;
}

/** The filters beyond search and status. */
export function LicenseFilterPanel({ accountId, filters, onChange, showsHolder }: Props) {
  // The URL has ids. The pickers need the names of what was chosen before, and only when they appear.
  const [initial] = useState({ themeId: filters.themeId, holderId: filters.holderId });
  const [clearings, setClearings] = useState(0);
  const { theme, holder } = useLoadedQuery<LicenseFilterPanelQuery>(
    graphql`
      query LicenseFilterPanelQuery($themeId: ID!, $holderId: ID!, $hasTheme: Boolean!, $hasHolder: Boolean!) {
        theme: node(id: $themeId) @include(if: $hasTheme) {
          ... on Theme {
            name
          }
        }
        holder: node(id: $holderId) @include(if: $hasHolder) {
          ... on Member {
            name
          }
        }
      }
    `,
    { ...initial, hasTheme: initial.themeId !== "", hasHolder: initial.holderId !== "" },
    { fetchPolicy: "store-or-network" },
  );
  const isFiltered = FURTHER_FILTERS.some((name) => filters[name] !== NO_FILTERS[name]);

  function clear() {
    const { themeId, version, holderId, expiry, check } = NO_FILTERS;
    onChange({ themeId, version, holderId, expiry, check });
    setClearings((count) => count + 1);
  }

  return (
    <div className="license-filters">
      <ThemePicker
        key={`theme.${clearings}`}
        label="Theme"
        placeholder="Any theme"
        initialName={clearings === 0 ? theme?.name : undefined}
        onChange={(id) => onChange({ themeId: id ?? "", version: "" })}
      />
      {filters.themeId !== "" && (
        <VersionSelect themeId={filters.themeId} value={filters.version} onChange={(version) => onChange({ version })} />
      )}
      {showsHolder && (
        <MemberPicker
          key={`holder.${clearings}`}
          label="Holder"
          placeholder="Anybody"
          accountId={accountId}
          initialName={clearings === 0 ? holder?.name : undefined}
          onChange={(id) => onChange({ holderId: id ?? "" })}
        />
      )}
      <SelectField label="Expires" choices={EXPIRY_CHOICES} value={filters.expiry} onChange={(expiry) => onChange({ expiry })} />
      <SelectField label="Last check" choices={CHECK_CHOICES} value={filters.check} onChange={(check) => onChange({ check })} />
      {isFiltered && (
        <Button kind="quiet" onPress={clear}>
          Clear the filters
        </Button>
      )}
    </div>
  );
}
