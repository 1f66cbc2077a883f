import "graphiql/setup-workers/vite";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { storageOf } from "./storage.js";

const { query, variables, signedInAs } = JSON.parse(document.getElementById("examples").textContent);
const storage = storageOf(`team-access ${signedInAs} ${variables.accountId}`);
createRoot(document.getElementById("graphiql")).render(
  <GraphiQL fetcher={fetcher()} storage={storage} defaultEditorToolsVisibility="variables" {...leftOpen()} />,
);

/** The tab left open, or the examples. GraphiQL keeps a tab's variables, but does not show them again by itself. */
function leftOpen() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem("graphiql:tabState"));
    const tab = tabs[activeTabIndex];
    return { initialQuery: tab.query ?? "", initialVariables: tab.variables ?? "" };
  } catch {
    return { initialQuery: query, initialVariables: JSON.stringify(variables, null, 2) };
  }
}

/**
 * The session's cookie goes along by itself, being of this origin. A WebSocket is opened at a subscription's start,
 * and takes the headers editor's `Authorization` with it as its `connection_init` payload.
 */
function fetcher() {
  const url = new URL("/graphql", location.href);
  const subscriptionUrl = new URL(url);
  subscriptionUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return createGraphiQLFetcher({
    url: url.href,
    subscriptionUrl: subscriptionUrl.href,
    enableIncrementalDelivery: false,
  });
}
