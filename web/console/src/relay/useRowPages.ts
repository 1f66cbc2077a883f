import { useLayoutEffect, useMemo, useSyncExternalStore } from "react";
import { fetchQuery, useRelayEnvironment } from "react-relay/hooks";
import {
  createOperationDescriptor,
  getRequest,
  type GraphQLTaggedNode,
  type IEnvironment,
  type OperationType,
  type Snapshot,
} from "relay-runtime";
import { refreshQuery } from "./refreshQuery";
import { RowPages, type ListRow, type RowPage, type StoredPage } from "./RowPages";

export interface PageQuery<Query extends OperationType, Row extends ListRow> {
  /** Query of a page, with a variable `after`. */
  readonly query: GraphQLTaggedNode;
  readonly variables: Omit<Query["variables"], "after">;
  /** Null where the viewer may not see the list. */
  readonly pageOf: (response: Query["response"]) => RowPage<Row> | null;
}

/** The list that begins with a page. Other variables are another list. */
export function useRowPages<Query extends OperationType, Row extends ListRow>(
  first: RowPage<Row>,
  pageQuery: PageQuery<Query, Row>,
): RowPages<Row> {
  const environment = useRelayEnvironment();
  const pages = useMemo(
    () => new RowPages<Row>(first, (after, onChange) => openPage(environment, pageQuery, after, onChange)),
    // The first page and the functions belong to the variables.
    [environment, JSON.stringify(pageQuery.variables)],
  );
  useSyncExternalStore(pages.subscribe, pages.snapshot);
  // Before the table asks for rows.
  useLayoutEffect(pages.follow, [pages]);
  return pages;
}

function openPage<Query extends OperationType, Row extends ListRow>(
  environment: IEnvironment,
  { query, variables, pageOf }: PageQuery<Query, Row>,
  after: string | null,
  onChange: (page: RowPage<Row>) => void,
): StoredPage {
  const pageVariables: Query["variables"] = { ...variables, after };
  const operation = createOperationDescriptor(getRequest(query), pageVariables);
  const retained = environment.retain(operation);
  const apply = ({ data, isMissingData }: Snapshot) => {
    const page = isMissingData ? null : pageOf(data as Query["response"]);
    if (page !== null) onChange(page);
  };
  const snapshot = environment.lookup(operation.fragment);
  apply(snapshot);
  const followed = environment.subscribe(snapshot, apply);
  return {
    read: () => fetchQuery<Query>(environment, query, pageVariables).toPromise(),
    refresh: () => refreshQuery<Query>(environment, query, pageVariables),
    release: () => {
      followed.dispose();
      retained.dispose();
    },
  };
}
