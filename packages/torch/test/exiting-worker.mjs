// A worker thread of settling.test.ts: ends right after its last promise has settled.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { FileStore } = await import("@pea/torch");
const store = new FileStore(workerData, 1);
store.has("key").then(() => process.exit());
