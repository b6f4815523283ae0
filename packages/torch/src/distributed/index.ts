/** Many processes that compute together, by c10d. */
export { GroupError, GroupTimeout, type LostRank } from "./group-error.ts";
export { ncclGpu, ranksOfOneGpu, whyNoNccl } from "./nccl.ts";
export {
  type GroupBackend,
  ProcessGroup,
  type ProcessGroupOptions,
  type ReduceOperation,
} from "./process-group.ts";
export { Reducer } from "./reducer.ts";
export { nameRanks } from "./roll.ts";
export { FileStore, PrefixStore, Store, TCPStore } from "./store.ts";
