import type { ReactNode } from "react";

export interface Column<Row> {
  readonly id: string;
  readonly header: ReactNode;
  /** `tabIndex` is that of the cell's controls: only those of the current row are in the tab order. */
  readonly cell: (row: Row, tabIndex: 0 | -1) => ReactNode;
  readonly isRowHeader?: boolean;
}

export function GridHead<Row>({ columns }: { readonly columns: readonly Column<Row>[] }) {
  return (
    <div role="rowgroup" className="table-head">
      <div role="row" aria-rowindex={1} className="table-row">
        {columns.map((column) => (
          <div key={column.id} role="columnheader" className={`cell cell-${column.id}`}>
            {column.header}
          </div>
        ))}
      </div>
    </div>
  );
}

interface Props<Row> {
  /** Undefined while it is being loaded. */
  readonly row: Row | undefined;
  readonly index: number;
  /** Distance from the top of the table's body. */
  readonly offset: number;
  readonly isCurrent: boolean;
  readonly isLast: boolean;
  readonly columns: readonly Column<Row>[];
  readonly measure?: (element: Element | null) => void;
  readonly onFocus: (index: number) => void;
}

/** A row at its place in the body of a table. The current one is in the tab order. */
export function GridRow<Row>({ row, index, offset, isCurrent, isLast, columns, measure, onFocus }: Props<Row>) {
  const tabIndex = isCurrent ? 0 : -1;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-busy={row === undefined || undefined}
      data-index={index}
      ref={measure}
      tabIndex={tabIndex}
      className={isLast ? "table-row table-row-last" : "table-row"}
      style={{ transform: `translateY(${offset}px)` }}
      onFocus={() => onFocus(index)}
    >
      {row === undefined ? (
        <div role="gridcell" aria-colspan={columns.length} className="cell cell-loading">
          Loading …
        </div>
      ) : (
        columns.map((column) => (
          <div
            key={column.id}
            role={column.isRowHeader === true ? "rowheader" : "gridcell"}
            className={`cell cell-${column.id}`}
          >
            {column.cell(row, tabIndex)}
          </div>
        ))
      )}
    </div>
  );
}
