/** By what ranks sum. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { PrefixStore, ProcessGroup, TCPStore, tensor } from "@pea/torch";
import { ConnectedRanks, whyNoOwnGpus } from "../../src/distributed/ranks.ts";

/** Two ranks of this process that could make a second group. */
async function twoRanks(): Promise<ConnectedRanks[]> {
  const listening = await TCPStore.connect({ host: "127.0.0.1", port: 0, isServer: true });
  const { port } = listening;
  after(() => listening.close());
  return Promise.all(
    [0, 1].map(async (rank) => {
      const connected = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
      const store = new PrefixStore(connected, "run");
      const options = { rank, worldSize: 2, timeout: 20_000, host: "127.0.0.1" };
      return new ConnectedRanks(await ProcessGroup.connect(store, options), [store, connected]);
    }),
  );
}

describe("ranks sum", () => {
  it("over NCCL where each has a GPU that no other has, and else tell why not", () => {
    assert.equal(whyNoOwnGpus(["a", "b", "c"]), null);
    assert.match(
      whyNoOwnGpus(["a", "b", "a"]) ?? "",
      /^ranks 0 and 2 have the same GPU; .*CUDA_VISIBLE_DEVICES/,
    );
    assert.match(whyNoOwnGpus(["a", null]) ?? "", /^rank 1 has no NCCL; pea doctor/);
    assert.match(whyNoOwnGpus([null, null]) ?? "", /^ranks 0 and 1 have no NCCL; pea doctor/);
  });

  it("over Gloo where tensors are on processors, and say nothing", async () => {
    const ranks = await twoRanks();
    assert.deepEqual(await Promise.all(ranks.map((one) => one.useDevice("cpu"))), [null, null]);
    assert.deepEqual(
      ranks.map(({ backend }) => backend),
      ["gloo", "gloo"],
    );
    // Of two dtypes, which do not go as one.
    const tensors = ranks.map(({ rank }) => [tensor([1 + rank]), tensor(BigInt64Array.of(BigInt(5 + rank)))]);
    await Promise.all(ranks.map((one) => one.sum(tensors[one.rank] ?? [])));
    for (const [floats, integers] of tensors) assert.deepEqual([floats?.item(), integers?.item()], [3, 11]);
    await Promise.all(ranks.map((one) => one.close()));
  });
});
