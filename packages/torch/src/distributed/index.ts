/** Many processes that compute together, by c10d. */
export { ProcessGroup, type ProcessGroupOptions, type ReduceOperation } from "./process-group.ts";
export { Reducer } from "./reducer.ts";
export { FileStore, PrefixStore, Store, TCPStore } from "./store.ts";
