import { Environment, Network, RecordSource, Store } from "relay-runtime";
import { fetchOperation } from "./fetchOperation";
import { subscribeOperation } from "./subscribeOperation";

export const environment = new Environment({
  network: Network.create(fetchOperation, subscribeOperation),
  store: new Store(new RecordSource(), { gcReleaseBufferSize: 10 }),
});
