import type { OperationType } from "relay-runtime";
import type { ListRow, RowPage, RowPages } from "./RowPages";
import { useChangesByOthers, type Changes } from "./useChangesByOthers";
import { useLoadedQuery } from "./useLoadedQuery";
import { useRefreshWhile } from "./useRefreshWhile";
import { useRowPages, type PageQuery } from "./useRowPages";

interface Connection<Row extends ListRow> {
  readonly nodes: readonly Row[];
  readonly pageInfo: { readonly endCursor: string | null | undefined; readonly hasNextPage: boolean };
  readonly totalCount: number;
}

interface Options<Query extends OperationType, Row extends ListRow>
  extends Omit<PageQuery<Query, Row>, "pageOf">,
    Omit<Changes, "refresh"> {
  /** Null where the viewer may not see the list. */
  readonly connectionOf: (response: Query["response"]) => Connection<Row> | null | undefined;
  /** Whether a row is about to change by itself, so that the list is read again soon. */
  readonly isChanging?: (row: Row) => boolean;
}

/**
 * A list that shows what the viewer and others change. Null where the viewer may not see it. Suspends until its first page is
 * there.
 */
export function useLiveRows<Query extends OperationType, Row extends ListRow>({
  query,
  variables,
  connectionOf,
  isChanging = () => false,
  ...changes
}: Options<Query, Row>): RowPages<Row> | null {
  const pageOf = (response: Query["response"]) => pageOfConnection(connectionOf(response));
  const first = pageOf(useLoadedQuery<Query>(query, { ...variables, after: null }));
  const rows = useRowPages<Query, Row>(first ?? NO_ROWS, { query, variables, pageOf });
  useChangesByOthers({ ...changes, refresh: rows.refresh });
  useRefreshWhile(rows.rows().some(isChanging), rows.refresh);
  return first === null ? null : rows;
}

function pageOfConnection<Row extends ListRow>(connection: Connection<Row> | null | undefined): RowPage<Row> | null {
  if (connection === null || connection === undefined) return null;
  const { nodes, pageInfo, totalCount } = connection;
  return { rows: nodes, ...pageInfo, totalCount };
}

const NO_ROWS: RowPage<never> = { rows: [], endCursor: null, hasNextPage: false, totalCount: 0 };
