import { Suspense } from "react";
import { graphql } from "react-relay/hooks";
import type { VersionSelectQuery } from "../__generated__/VersionSelectQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { SelectField } from "../ui/SelectField";

interface Props {
  readonly themeId: string;
  /** Empty for any version. */
  readonly value: string;
  readonly onChange: (version: string) => void;
}

/** Version that is installed, of those that the theme has. */
export function VersionSelect(props: Props) {
  return (
    <Suspense fallback={<SelectField label="Installed" choices={ANY} value="" onChange={() => undefined} />}>
      <LoadedVersions {...props} />
    </Suspense>
  );
}

function LoadedVersions({ themeId, value, onChange }: Props) {
  const { node } = useLoadedQuery<VersionSelectQuery>(
    graphql`
      query VersionSelectQuery($themeId: ID!) {
        node(id: $themeId) {
          ... on Theme {
            releases {
              version
            }
          }
        }
      }
    `,
    { themeId },
    { fetchPolicy: "store-or-network" },
  );
  const versions = new Set([...(node?.releases ?? []).map(({ version }) => version), ...(value === "" ? [] : [value])]);
  const choices = [...ANY, ...[...versions].map((version) => ({ value: version, label: version }))];
  return <SelectField label="Installed" choices={choices} value={value} onChange={onChange} />;
}

const ANY = [{ value: "", label: "Any version" }];
