/** The other of two ranks: `distributed-rank.ts RANK PORT`; port 0: it holds the store. The test ends it. */
import { backward, mul, ProcessGroup, sum, TCPStore, tensor } from "@pea/torch";

const [rank, port] = process.argv.slice(2).map(Number) as [number, number];
const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: port === 0 });
console.log(store.port);
const group = await ProcessGroup.connect(store, { rank, worldSize: 2, host: "127.0.0.1" });
setTimeout(() => {}, 600_000);
backward(sum(mul(group.sum(tensor([1, 2, 3], { requiresGrad: true })), 3)));
