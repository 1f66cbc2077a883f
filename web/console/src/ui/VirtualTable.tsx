import { useWindowVirtualizer, defaultRangeExtractor, type Range } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ListRow, RowPages } from "../relay/RowPages";
import { GridHead, GridRow, type Column } from "./GridRow";
import { useGridKeyboard } from "./useGridKeyboard";
import { useRowFocus } from "./useRowFocus";
import { useScrollMargin } from "./useScrollMargin";

interface Props<Row extends ListRow> {
  readonly label: string;
  /** Class of the table, whose style sets `grid-template-columns` of its rows. */
  readonly className: string;
  readonly columns: readonly Column<Row>[];
  readonly source: RowPages<Row>;
}

const ROW_PIXELS = 68;
const OVERSCAN_ROWS = 8;

/**
 * Table of a list that changes while it is shown: only rows near the window are in the document. A row keeps its element, the
 * focus and its place in the window when rows before it come or go. Arrow keys, Page Up and Down, Home and End move between rows;
 * the right arrow moves to a row's controls.
 */
export function VirtualTable<Row extends ListRow>({ label, className, columns, source }: Props<Row>) {
  const state = source.snapshot();
  const { count, hasMore, totalCount } = state;
  const length = hasMore ? count + 1 : count;
  const body = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<{ readonly index: number; readonly id?: string }>({ index: 0 });
  const currentIndex = Math.min((current.id === undefined ? undefined : source.indexOf(current.id)) ?? current.index, length - 1);
  const moveTo = useCallback((index: number) => setCurrent({ index, id: source.rowAt(index)?.id }), [source]);
  const scrollMargin = useScrollMargin(body);
  const virtualizer = useWindowVirtualizer({
    count: length,
    estimateSize: () => ROW_PIXELS,
    overscan: OVERSCAN_ROWS,
    scrollMargin,
    // Its identity tells the virtualizer that rows have moved.
    getItemKey: useCallback((index: number) => keyAt(source, index), [source, state]),
    // The current row stays in the document, so that it keeps the focus.
    rangeExtractor: useCallback((range: Range) => withIndex(defaultRangeExtractor(range), currentIndex), [currentIndex]),
  });
  const items = virtualizer.getVirtualItems();
  const near = items.filter(({ index }) => index !== currentIndex);
  const [from, until] = [near[0]?.index ?? currentIndex, near.at(-1)?.index ?? currentIndex];
  const { show } = source;
  useEffect(() => show(from, until, currentIndex), [show, from, until, currentIndex, count]);
  const onKeyDown = useGridKeyboard(body, currentIndex, count, (index) => {
    moveTo(index);
    virtualizer.scrollToIndex(index);
  });
  const focus = useRowFocus(body, currentIndex);

  // What the person reads stays where it is.
  const anchor = useRef<{ readonly id: string; readonly start: number } | null>(null);
  useLayoutEffect(() => {
    const index = anchor.current === null ? undefined : source.indexOf(anchor.current.id);
    const start = index === undefined ? undefined : virtualizer.measurementsCache[index]?.start;
    if (anchor.current !== null && start !== undefined) window.scrollBy(0, start - anchor.current.start);
  }, [source, state]);
  useLayoutEffect(() => {
    const top = virtualizer.scrollOffset ?? 0;
    const first = top > scrollMargin ? items.find(({ index, end }) => index !== currentIndex && end > top) : undefined;
    const id = first === undefined ? undefined : source.rowAt(first.index)?.id;
    anchor.current = first === undefined || id === undefined ? null : { id, start: first.start };
  });

  return (
    <div
      role="grid"
      aria-label={label}
      aria-rowcount={totalCount === null ? -1 : totalCount + 1}
      aria-colcount={columns.length}
      className={`table ${className}`}
    >
      <GridHead columns={columns} />
      <div
        role="rowgroup"
        className="table-body"
        ref={body}
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={onKeyDown}
        {...focus}
      >
        {items.map((item) => (
          <GridRow
            key={item.key}
            row={source.rowAt(item.index)}
            index={item.index}
            offset={item.start - scrollMargin}
            isCurrent={item.index === currentIndex}
            isLast={item.index === length - 1}
            columns={columns}
            measure={virtualizer.measureElement}
            onFocus={moveTo}
          />
        ))}
      </div>
    </div>
  );
}

/** The row's id, unless it is being loaded, or is for a moment at another index too. */
function keyAt<Row extends ListRow>(source: RowPages<Row>, index: number): string | number {
  const row = source.rowAt(index);
  return row !== undefined && source.indexOf(row.id) === index ? row.id : index;
}

function withIndex(indexes: number[], index: number): number[] {
  if (index < 0 || indexes.includes(index)) return indexes;
  return [...indexes, index].sort((first, second) => first - second);
}
