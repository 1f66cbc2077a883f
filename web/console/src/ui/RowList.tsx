import type { ReactNode } from "react";
import type { ListRow, RowPages } from "../relay/RowPages";
import type { Column } from "./GridRow";
import { LoadFailure } from "./LoadFailure";
import { VirtualTable } from "./VirtualTable";

interface Props<Row extends ListRow> {
  readonly label: string;
  /** Class of the table. */
  readonly className: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: RowPages<Row>;
  /** What a row is: one, and several. */
  readonly nouns: readonly [one: string, many: string];
  /** Above the table, instead of the number of rows. */
  readonly header?: ReactNode;
  /** Instead of a table without rows. */
  readonly empty: ReactNode;
}

/** A list with the number of its rows, or what to do about an empty one. */
export function RowList<Row extends ListRow>({ label, className, columns, rows, nouns, header, empty }: Props<Row>) {
  const { count, totalCount, failure } = rows.snapshot();
  const total = totalCount ?? count;
  return (
    <>
      {header ?? (
        <p className="count" role="status">
          {total.toLocaleString()} {total === 1 ? nouns[0] : nouns[1]}
        </p>
      )}
      {count === 0 ? empty : <VirtualTable label={label} className={className} columns={columns} source={rows} />}
      <LoadFailure what={nouns[1]} failure={failure} onRetry={rows.retry} />
    </>
  );
}
