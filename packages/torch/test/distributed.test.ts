// Many processes. A process may be several ranks: those of most tests are two of this one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  add,
  arange,
  backward,
  call,
  contiguous,
  FileStore,
  full,
  GroupError,
  GroupTimeout,
  type LostRank,
  memoryStats,
  mul,
  ones,
  PrefixStore,
  ProcessGroup,
  reshape,
  scope,
  sum,
  TCPStore,
  type Tensor,
  TorchError,
  tensor,
  zeros,
} from "@pea/torch";
import { Roll } from "../src/distributed/roll.ts";
import type { Store } from "../src/distributed/store.ts";

const folder = mkdtempSync(join(tmpdir(), "pea-distributed-"));
after(() => rmSync(folder, { recursive: true }));

const newStore = () => TCPStore.connect({ host: "127.0.0.1", port: 0, isServer: true });

/** Groups of one process, by rank, each over a connection of its own to the store. */
async function groupsOf(worldSize: number, timeout = 20_000): Promise<ProcessGroup[]> {
  const { port } = await newStore();
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
  return Promise.all(
    ranks.map(async (rank) => {
      const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
      return ProcessGroup.connect(store, { rank, worldSize, timeout, host: "127.0.0.1" });
    }),
  );
}

/** This process as one of two ranks; the other, of a process of its own, sums and then only waits. */
async function withProcess(rank: 0 | 1, { timeout }: { timeout?: number } = {}) {
  const own = rank === 0 ? await newStore() : null;
  const script = fileURLToPath(new URL("distributed-rank.ts", import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=pea-source", "--import", "tsx", script, String(1 - rank), String(own?.port ?? 0)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [port] = await once(child.stdout, "data");
  const store = own ?? (await TCPStore.connect({ host: "127.0.0.1", port: Number(port), isServer: false }));
  const group = await ProcessGroup.connect(store, { rank, worldSize: 2, timeout, host: "127.0.0.1" });
  return { group, child };
}

/** The same on every rank; what it gives, by rank. */
const onEach = <T>(
  groups: readonly ProcessGroup[],
  work: (group: ProcessGroup) => Promise<T>,
): Promise<T[]> => Promise.all(groups.map(work));

/** What the memory takes that ranks of this process share, in bytes. */
function sharedBytes(): number {
  const files = readdirSync("/proc/self/fd").flatMap((file) => {
    try {
      const path = `/proc/self/fd/${file}`;
      return readlinkSync(path).startsWith("/memfd:pea") ? [statSync(path)] : [];
    } catch {
      return []; // The descriptor by which the folder was read.
    }
  });
  // Each rank has a descriptor of its own.
  const blocks = new Map(files.map((file) => [file.ino, file.blocks]));
  return 512 * [...blocks.values()].reduce((sum, one) => sum + one, 0);
}

const valuesOf = (tensors: readonly Tensor[]) => tensors.map((one) => [...one.toTypedArray()]);

const rejectsWith = (work: Promise<unknown>, message: RegExp) =>
  assert.rejects(work, (error: Error) => {
    assert.ok(error instanceof TorchError);
    assert.match(error.message, message);
    return true;
  });

/** Of a collective: the ranks that it failed of, which its words are made of. */
const failsOf = (work: Promise<unknown>, lost: readonly Omit<LostRank, "host">[]) =>
  assert.rejects(work, (error: Error) => {
    assert.ok(error instanceof GroupError, `${error}`);
    assert.deepEqual(
      error.lost,
      lost.map((one) => ({ ...one, host: hostname() })),
    );
    for (const { rank, pid } of lost)
      assert.ok(error.message.includes(`rank ${rank} (process ${pid} on ${hostname()})`), error.message);
    return true;
  });

describe("a store", () => {
  it("in a process's memory is reached by its port, and keeps texts by key", async () => {
    const server = await newStore();
    const client = await TCPStore.connect({ host: "127.0.0.1", port: server.port, isServer: false });
    assert.equal(await client.has("greeting"), false);
    await server.set("greeting", "grüß dich");
    assert.equal(await client.has("greeting"), true);
    assert.equal(await client.get("greeting"), "grüß dich");
    assert.deepEqual([await client.add("count", 2), await server.add("count", 3)], [2, 5]);
  });

  it("in a file is reached by its path", async () => {
    const path = join(folder, "store");
    const [one, other] = [new FileStore(path, 2), new FileStore(path, 2)];
    assert.equal(await other.has("step"), false);
    await one.set("step", "12");
    assert.ok(existsSync(path));
    assert.equal(await other.get("step"), "12");
    assert.deepEqual([await one.add("count", 2), await other.add("count", 3)], [2, 5]);
    assert.throws(
      () => new FileStore(join(folder, "none", "store"), 2),
      /^TorchError: FileStore .*store: ENOENT: no such file or directory/,
    );
  });

  it("under a prefix has keys of its own", async () => {
    const store = await newStore();
    const [first, second] = [new PrefixStore(store, "1"), new PrefixStore(store, "2")];
    await first.set("key", "one");
    assert.equal(await second.has("key"), false);
    assert.equal(await store.has("1/key"), true);
    assert.deepEqual([await first.add("count", 1), await second.add("count", 1)], [1, 1]);
  });

  it("waits for a key, and says which one never came", async () => {
    const store = await newStore();
    const waiting = store.get("late");
    await store.set("late", "here");
    assert.equal(await waiting, "here");
    await rejectsWith(
      store.get("never", { timeout: 50 }),
      /^get "never": no process has set it within 50 ms$/,
    );
  });

  it("that is another program, which never answers, is an error", async () => {
    const sockets: Socket[] = [];
    const program = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
    await once(program, "listening");
    const { port } = program.address() as AddressInfo;
    const timeout = 1000;
    // Engines differ in whether they expect an answer when they connect.
    const asking = async () => {
      const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false, timeout });
      await store.get("key", { timeout });
    };
    try {
      await rejectsWith(
        asking(),
        /^(get "key"|TCPStore\.connect 127\.0\.0\.1:\d+): no answer within \d+ ms$/,
      );
    } finally {
      for (const socket of sockets) socket.destroy();
      program.close();
    }
  });

  it("frees its port once it is closed, with what was made of it", async () => {
    const isFree = async (port: number) => {
      const server = createServer();
      const isListening = once(server.listen(port), "listening").then(
        () => true,
        () => false,
      );
      if (!(await isListening)) return false;
      server.close();
      await once(server, "close");
      return true;
    };
    const store = await newStore();
    const prefixed = new PrefixStore(store, "group");
    const group = await ProcessGroup.connect(prefixed, { rank: 0, worldSize: 1, host: "127.0.0.1" });
    await store.close();
    await rejectsWith(store.has("key"), /^has "key": a store was closed$/);
    assert.equal(await prefixed.has("key"), false);
    await group.close();
    assert.equal(await isFree(store.port), false);
    await prefixed.close();
    assert.equal(await isFree(store.port), true);
    await prefixed.close();
  });

  it("is closed though a program that speaks to it never ends its message", async () => {
    const store = await newStore();
    const program = connect(store.port, "127.0.0.1");
    await once(program, "connect");
    // The first byte of a key's length.
    program.write(Uint8Array.of(0, 0));
    // Engines differ in whether they wait for the rest.
    await rejectsWith(
      store.get("key", { timeout: 1 }),
      /^get "key": (no answer|no process has set it) within/,
    );
    await store.close();
    program.destroy();
  });

  it("that is not there, and a port that is none, are errors that name them", async () => {
    const refused = TCPStore.connect({ host: "127.0.0.1", port: 1, isServer: false, timeout: 500 });
    await rejectsWith(refused, /^TCPStore\.connect 127\.0\.0\.1:1: /);
    const wrong = TCPStore.connect({ host: "127.0.0.1", port: 65536, isServer: false });
    await rejectsWith(wrong, /port must be an integer from 0 to 65535, got 65536/);
  });
});

describe("a process group", () => {
  it("sums, averages and takes the largest over ranks, of several tensors at once", async () => {
    const groups = await groupsOf(3);
    const reduced = async (operation: "sum" | "mean" | "max") => {
      const of = groups.map(({ rank }) => [tensor([rank, 10 * rank]), tensor([[1 - rank]])]);
      await onEach(groups, (group) => group.allReduce(of[group.rank] as Tensor[], operation));
      return of.map(valuesOf);
    };
    const onAll = (value: number[][]) => groups.map(() => value);
    assert.deepEqual(await reduced("sum"), onAll([[3, 30], [0]]));
    assert.deepEqual(await reduced("mean"), onAll([[1, 10], [0]]));
    assert.deepEqual(await reduced("max"), onAll([[2, 20], [1]]));
  });

  it("writes into the tensors themselves, whatever their strides, and into parameters", async () => {
    const groups = await groupsOf(2);
    const channelsLast = groups.map(() => contiguous(ones([2, 3, 2, 2]), { memoryFormat: "channels_last" }));
    await onEach(groups, (group) => group.allReduce(channelsLast[group.rank] as Tensor));
    for (const one of channelsLast) {
      assert.deepEqual(one.strides, [12, 1, 6, 3]);
      assert.ok(one.toTypedArray().every((value) => value === 2));
    }
    const weights = groups.map(({ rank }) => tensor([rank + 0.5], { requiresGrad: true }));
    await onEach(groups, (group) => group.broadcast(weights[group.rank] as Tensor, 1));
    assert.deepEqual(valuesOf(weights), [[1.5], [1.5]]);
    assert.ok(weights.every((weight) => weight.isLeaf && weight.requiresGrad));
  });

  it("gathers what each rank has, by rank, and keeps nothing of it", async () => {
    const groups = await groupsOf(2);
    const own = groups.map(({ rank }) => tensor([rank, rank + 1], { dtype: "int64" }));
    const before = memoryStats().tensors;
    const gathered = await onEach(groups, (group) => group.allGather(own[group.rank] as Tensor));
    for (const tensors of gathered)
      assert.deepEqual(valuesOf(tensors), [
        [0n, 1n],
        [1n, 2n],
      ]);
    for (const one of gathered.flat()) one.dispose();
    assert.equal(memoryStats().tensors, before);
  });

  for (const dtype of ["float16", "bfloat16", "float64", "int16", "uint8", "bool"] as const)
    it(`passes ${dtype} on, a value or many, and none`, async () => {
      const groups = await groupsOf(2);
      for (const shape of [[], [2, 3], [0, 3]]) {
        const own = groups.map(({ rank }) => full(shape, rank, { dtype }));
        const gathered = await onEach(groups, (group) => group.allGather(own[group.rank] as Tensor));
        for (const tensors of gathered) {
          assert.deepEqual(
            tensors.map((one) => [one.dtype, one.shape]),
            own.map(() => [dtype, shape]),
          );
          assert.deepEqual(valuesOf(tensors), valuesOf(own));
        }
        await onEach(groups, (group) => group.broadcast(own[group.rank] as Tensor, 1));
        assert.deepEqual(valuesOf(own), valuesOf(gathered.map((tensors) => tensors[1] as Tensor)));
      }
    });

  it("lets the event loop turn while it waits, and tensors be disposed of", async () => {
    const groups = await groupsOf(2);
    const [here, there] = [ones([1000]), ones([1000])];
    let isDone = false;
    const waiting = groups[0]?.allReduce(here).then(() => {
      isDone = true;
    });
    here.dispose();
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    assert.equal(isDone, false);
    await groups[1]?.allReduce(there);
    await waiting;
    assert.equal(there.toTypedArray()[999], 2);
  });

  it("holds a barrier until all have come", async () => {
    const groups = await groupsOf(2);
    const order: string[] = [];
    const first = groups[0]?.barrier().then(() => order.push("through"));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    order.push("second comes");
    await Promise.all([first, groups[1]?.barrier()]);
    assert.deepEqual(order, ["second comes", "through"]);
  });

  it("of one rank changes nothing", async () => {
    const [group] = await groupsOf(1);
    const x = tensor([1.5, 2.5]);
    await group?.allReduce(x, "mean");
    assert.deepEqual([...x.toTypedArray()], [1.5, 2.5]);
    await group?.close();
    await rejectsWith(group?.barrier() as Promise<void>, /barrier: a process group was closed/);
  });

  it("refuses on every rank what Gloo cannot reduce, before it is sent, and is of use afterwards", async () => {
    const groups = await groupsOf(2);
    const refuses = (message: RegExp, collective: (group: ProcessGroup) => Promise<unknown>) =>
      onEach(groups, (group) => rejectsWith(collective(group), message));
    for (const dtype of ["bool", "int16"] as const) {
      const reduces = new RegExp(
        `: c10d reduces float32, .* and uint8 in this libtorch, got ${dtype}; cast it`,
      );
      await refuses(reduces, (group) => group.allReduce(ones([2], { dtype })));
      await refuses(reduces, async (group) => group.sum(ones([2], { dtype })));
    }
    await refuses(
      /^allReduce: a mean needs floating-point numbers, got int64; cast it, or take the sum$/,
      (group) => group.allReduce([ones([2], { dtype: "int64" })], "mean"),
    );
    const sparse = () => call("aten::to_sparse", ones([2]));
    const dense = /: expected dense tensors, got one of layout Sparse; make it dense first/;
    await refuses(dense, (group) => group.allReduce(sparse()));
    await refuses(dense, (group) => group.broadcast(sparse()));
    await refuses(dense, (group) => group.allGather(sparse()));
    const values = groups.map(() => ones([2]));
    await onEach(groups, (group) => group.allReduce(values[group.rank] as Tensor));
    assert.deepEqual(valuesOf(values), [
      [2, 2],
      [2, 2],
    ]);
  });

  it("sums bfloat16 where libtorch does, and else says so", async () => {
    const groups = await groupsOf(2);
    const own = groups.map(() => ones([2], { dtype: "bfloat16", requiresGrad: true }));
    const outcomes = await Promise.allSettled(
      groups.map(({ rank }, i) => groups[i]?.allReduce(own[rank] as Tensor)),
    );
    for (const [rank, outcome] of outcomes.entries())
      if (outcome.status === "fulfilled") assert.deepEqual([...(own[rank] as Tensor).toTypedArray()], [2, 2]);
      else {
        assert.match(`${outcome.reason}`, /^TorchError: allReduce: c10d reduces .*, got bfloat16; cast it/);
        assert.throws(
          () => groups[rank]?.reducer([own[rank] as Tensor]),
          /^TorchError: reducer: c10d reduces .*, got bfloat16/,
        );
      }
  });

  it("refuses tensors that cannot go as one and ranks that are none, and is of use afterwards", async () => {
    const groups = await groupsOf(2);
    const [group] = groups;
    const mixed = [zeros([2]), zeros([2], { dtype: "float64" })];
    await rejectsWith(
      group?.allReduce(mixed) as Promise<void>,
      /^allReduce: the tensors must be of one dtype and on one device, got float32 on cpu and float64 on cpu$/,
    );
    const store = await newStore();
    await rejectsWith(
      ProcessGroup.connect(store, { rank: 2, worldSize: 2 }),
      /the rank must be an integer from 0 to 1, got 2/,
    );
    await rejectsWith(
      group?.allReduce(3 as never) as Promise<void>,
      /is not a Tensor of this copy of @pea\/torch .*: 3$/,
    );
    const values = groups.map(({ rank }) => tensor([rank + 1]));
    await onEach(groups, (one) => one.allReduce(values[one.rank] as Tensor));
    assert.deepEqual(valuesOf(values), [[3], [3]]);
  });
});

for (const [way, disable] of [
  ["in memory that the ranks share", ""],
  ["by all-reduce", "1"],
] as const)
  describe(`a reducer that sums ${way}`, () => {
    before(() => {
      process.env.PEA_SHM_DISABLE = disable;
    });
    after(() => {
      delete process.env.PEA_SHM_DISABLE;
    });

    /** A bucket and more each: the last of a network come first. */
    const LARGE = 2 ** 20 + 1;

    /** Ranks with a large, a small and another large parameter, which a loss multiplies by what is the rank's. */
    async function reducing(worldSize: number) {
      const groups = await groupsOf(worldSize);
      return groups.map((group) => {
        const parameters = [LARGE, 3, LARGE].map((size) => ones([size], { requiresGrad: true }));
        const reducer = group.reducer(parameters);
        /** Of the sum over parameters of factor · Σ values; null: the loss is without it. */
        const pass = (factors: readonly (number | null)[]) =>
          scope(() => {
            const terms = factors.flatMap((factor, i) =>
              factor === null ? [] : [mul(sum(parameters[i] as Tensor), factor)],
            );
            backward(terms.reduce((a, b) => add(a, b)));
          });
        const gradients = () =>
          parameters.map(({ grad }) => grad && [...new Set(grad.toTypedArray() as Float32Array)]);
        return { rank: group.rank, parameters, reducer, pass, gradients };
      });
    }

    it("sends gradients as backward makes them, and leaves their sums", async () => {
      const ranks = await reducing(3);
      for (let step = 1; step <= 2; step++) {
        for (const { parameters } of ranks) for (const parameter of parameters) parameter.grad = null;
        for (const { rank, reducer, pass } of ranks) {
          reducer.start();
          pass([step * rank, 10, step]);
        }
        await Promise.all(ranks.map(({ reducer }) => reducer.finish()));
        for (const { gradients } of ranks) assert.deepEqual(gradients(), [[step * 3], [30], [step * 3]]);
      }
      for (const { reducer } of ranks) reducer.dispose();
    });

    it("has sent them before it is asked to finish", async () => {
      const [first, second] = await reducing(2);
      for (const one of [first, second]) {
        one?.reducer.start();
        one?.pass([1, 2, 3]);
      }
      const isSummed = () => valuesOf([first?.parameters[1]?.grad as Tensor]).join() === "4,4,4";
      for (let turn = 0; turn < 10_000 && !isSummed(); turn++) await new Promise(setImmediate);
      assert.ok(isSummed());
      await Promise.all([first?.reducer.finish(), second?.reducer.finish()]);
      assert.deepEqual(second?.gradients(), [[2], [4], [6]]);
    });

    it("waits for the last of several passes, and for gradients that are put there", async () => {
      const ranks = await reducing(2);
      for (const { parameters, reducer, pass } of ranks) {
        pass([1, 1, 1]);
        reducer.start();
        pass([2, 2, null]);
        (parameters[2] as Tensor).grad = full([LARGE], 5);
      }
      await Promise.all(ranks.map(({ reducer }) => reducer.finish()));
      for (const { gradients } of ranks) assert.deepEqual(gradients(), [[6], [6], [10]]);
    });

    it("takes a rank that has no gradient for zeros, and leaves what no rank has", async () => {
      const ranks = await reducing(2);
      for (const { rank, reducer, pass } of ranks) {
        reducer.start();
        pass(rank === 0 ? [7, null, null] : [null, null, 9]);
      }
      await Promise.all(ranks.map(({ reducer }) => reducer.finish()));
      for (const { gradients } of ranks) assert.deepEqual(gradients(), [[7], null, [9]]);
    });

    it("keeps a parameter's strides", async () => {
      const groups = await groupsOf(2);
      const ranks = groups.map((group) => {
        const weight = contiguous(ones([4, 2, 3, 3]), { memoryFormat: "channels_last" });
        weight.requiresGrad = true;
        return { weight, reducer: group.reducer([weight]) };
      });
      const factors = reshape(arange(0, 72, 1, { dtype: "float32" }), [4, 2, 3, 3]);
      for (const { weight, reducer } of ranks) {
        reducer.start();
        backward(sum(mul(weight, factors)));
      }
      await Promise.all(ranks.map(({ reducer }) => reducer.finish()));
      for (const { weight } of ranks) {
        assert.deepEqual(weight.grad?.strides, weight.strides);
        assert.deepEqual([...(weight.grad as Tensor).toTypedArray()], [...mul(factors, 2).toTypedArray()]);
      }
    });

    it("refuses a second pass once gradients may be on their way, and what has no gradient", async () => {
      const [only] = await reducing(1);
      only?.reducer.start();
      only?.pass([1, 1, 1]);
      assert.throws(
        () => only?.pass([1, 1, 1]),
        /backward: backward\(\) has come to a parameter twice since start\(\)/,
      );
      assert.throws(() => only?.reducer.start(), /the sums of the step before are not finished/);
      const [group] = await groupsOf(1);
      assert.throws(() => group?.reducer([zeros([2])]), /reducer: expected leaves that require gradients/);
      assert.throws(() => group?.reducer([]), /reducer: expected at least one parameter/);
    });
  });

describe("memory that ranks share", () => {
  /** A parameter on each rank, and what sums its gradients. */
  const withReducers = (groups: readonly ProcessGroup[], sizes = groups.map(() => 1)) =>
    groups.map((group, rank) => {
      const parameter = zeros([sizes[rank] as number], { requiresGrad: true });
      return { parameter, reducer: group.reducer([parameter]) };
    });

  it("has the sums in the order of the ranks, whoever comes first", async () => {
    const ranks = withReducers(await groupsOf(3));
    // 1e8 + 1 is 1e8 in float32: another order has another sum.
    const addends = [1e8, 1, -1e8];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      for (const [rank, { parameter }] of ranks.entries()) parameter.grad = tensor([addends[rank] as number]);
      await Promise.all(order.map((rank) => ranks[rank]?.reducer.finish()));
      assert.deepEqual(valuesOf(ranks.map(({ parameter }) => parameter.grad as Tensor)), [[0], [0], [0]]);
    }
  });

  it("refuses parameters that are others than those of another rank", async () => {
    const groups = await groupsOf(2);
    assert.throws(
      () => withReducers(groups, [1000, 2000]),
      /^TorchError: reducer: this rank's parameters are others than another's: 8\d+ bytes where that has 4\d+$/,
    );
  });

  it("goes back to the machine with the reducer", async () => {
    const before = sharedBytes();
    const ranks = withReducers(await groupsOf(2), [2 ** 20, 2 ** 20]);
    const taken = sharedBytes() - before;
    assert.ok(taken >= 8 * 2 ** 20, `${taken} bytes`);
    for (const { reducer } of ranks) reducer.dispose();
    const left = sharedBytes() - before;
    assert.ok(left < 2 ** 20, `${left} bytes`);
  });

  for (const [signal, timeout, message] of [
    ["SIGKILL", undefined, "has ended \\(Reducer\\.finish: rank 1 has left\\)"],
    [
      "SIGSTOP",
      2000,
      "does not answer \\(Reducer\\.finish: the others did not come within the timeout of 2000 ms\\)",
    ],
  ] as const)
    it(`names a rank that does not come after ${signal}`, async () => {
      const { group, child } = await withProcess(0, { timeout });
      const [rank] = withReducers([group]);
      const failing = rejectsWith(
        rank?.reducer.finish() as Promise<void>,
        new RegExp(`^rank 1 \\(process ${child.pid} on .*\\) ${message}$`),
      );
      child.kill(signal);
      await failing;
      child.kill("SIGKILL");
    });
});

describe("a rank that does not go on", () => {
  it("is named where it never came", async () => {
    const store = await newStore();
    await rejectsWith(
      ProcessGroup.connect(store, { rank: 0, worldSize: 3, timeout: 200 }),
      /^of 3 ranks ranks 1 and 2 did not come within 200 ms; start all of them/,
    );
  });

  it("is refused at once where it was started with another world size, by all", async () => {
    const store = await newStore();
    const ranks = [2, 3].map((worldSize, rank) =>
      rejectsWith(
        ProcessGroup.connect(store, { rank, worldSize, timeout: 5000 }),
        new RegExp(
          `^rank ${1 - rank} \\(process ${process.pid} on .*\\) was started with a world size of ${3 - rank}, rank ${rank} with ${worldSize}; start all`,
        ),
      ),
    );
    await Promise.all(ranks);
  });

  it("is refused where the interface to be reached by is not there", async () => {
    process.env.GLOO_SOCKET_IFNAME = "nope9";
    try {
      await rejectsWith(
        ProcessGroup.connect(await newStore(), { rank: 0, worldSize: 2, timeout: 5000 }),
        /^GLOO_SOCKET_IFNAME names nope9, but the interfaces of this machine that have an address are .*\blo\b/,
      );
    } finally {
      delete process.env.GLOO_SOCKET_IFNAME;
    }
  });

  const twins = new RegExp(
    `^rank (\\d) was given to two processes, ${process.pid} on .* and ${process.pid} on .*; give each process a rank of its own`,
  );

  it("is refused where two processes have its rank, both and whoever waits with them", async () => {
    const store = await newStore();
    const ranks = [1, 1, 2].map((rank) =>
      rejectsWith(ProcessGroup.connect(store, { rank, worldSize: 4, timeout: 20_000 }), twins),
    );
    await Promise.all(ranks);
  });

  it("is refused where it holds the store, once another comes that was to hold it", async () => {
    const store = await newStore();
    const place = { rank: 0, worldSize: 2 };
    await ProcessGroup.refuseTwin(store, place);
    const first = rejectsWith(ProcessGroup.connect(store, { ...place, timeout: 20_000 }), twins);
    while (!(await store.has("rank/0"))) await new Promise(setImmediate);
    await rejectsWith(ProcessGroup.refuseTwin(store, place), twins);
    await first;
  });

  it("is told of once, where it has not come after some seconds, and may still come", async () => {
    const { port } = await newStore();
    const told: (readonly number[])[] = [];
    const connect = async (rank: number, onMissing?: (ranks: readonly number[]) => void) => {
      const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
      const options = { rank, worldSize: 2, timeout: 30_000, host: "127.0.0.1", onMissing };
      return ProcessGroup.connect(store, options);
    };
    await new Promise((resolve, reject) => {
      const comes = (ranks: readonly number[]) => {
        told.push(ranks);
        connect(1).then(resolve, reject);
      };
      connect(0, comes).catch(reject);
    });
    assert.deepEqual(told, [[1]]);
  });

  it("is not named where the store itself fails, or does not answer", async () => {
    const place = { rank: 1, worldSize: 2, timeout: 50 };
    const broken = { add: () => Promise.reject(new Error("connection reset")) };
    await rejectsWith(
      Roll.call(broken as unknown as Store, place),
      /^the store failed \(connection reset\); the process that holds it has ended, or another program listens/,
    );
    const silent = { add: () => new Promise(() => {}) };
    await rejectsWith(
      Roll.call(silent as unknown as Store, place),
      /^the store did not answer within 5000 ms; the process that holds it hangs, or another program listens/,
    );
  });

  it("is named where it hangs, once the timeout is over", async () => {
    const [group] = await groupsOf(2, 2000);
    const hangs = new RegExp(
      `^rank 1 \\(process ${process.pid} on .*\\) does not answer ` +
        "\\(allReduce: the others did not come within the timeout of 2000 ms\\)$",
    );
    const isLate = (error: Error) => error instanceof GroupTimeout && hangs.test(error.message);
    await assert.rejects(group?.allReduce(ones([3])) as Promise<void>, isLate);
    const again = group?.barrier() as Promise<void>;
    await assert.rejects(again, isLate);
    await failsOf(again, [{ rank: 1, pid: process.pid, state: "silent" }]);
  });

  it("is named where it is stopped and with it the store that it holds", async () => {
    const { group, child } = await withProcess(1, { timeout: 2000 });
    // With what it sums, so that no message of it is under way any more.
    backward(sum(group.sum(tensor([1, 2, 3], { requiresGrad: true }))));
    child.kill("SIGSTOP");
    const failing = group.allReduce(ones([3]));
    await rejectsWith(
      failing,
      new RegExp(
        `^rank 0 \\(process ${child.pid} on .*\\) does not answer, and with it the store \\(allReduce: `,
      ),
    );
    await failsOf(failing, [{ rank: 0, pid: child.pid as number, state: "silent", heldStore: true }]);
    child.kill("SIGKILL");
  });

  it("is named with its reason where it gave one", async () => {
    const [group, other] = await groupsOf(2);
    const reason = "the disk is full";
    const failing = group?.allReduce(ones([3])) as Promise<void>;
    const named = Promise.all([
      rejectsWith(failing, /^rank 1 \(process .*\) failed: the disk is full \(allReduce: /),
      failsOf(failing, [{ rank: 1, pid: process.pid, state: "failed", reason }]),
    ]);
    await other?.fail(reason);
    await other?.close();
    await named;
  });

  it("is named by all groups of the same processes, and none that was told of it", async () => {
    const { port } = await newStore();
    const pairs = await Promise.all(
      [0, 1, 2].map(async (rank) => {
        const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
        const options = { rank, worldSize: 3, timeout: 20_000, host: "127.0.0.1" };
        const first = await ProcessGroup.connect(store, options);
        const second = new PrefixStore(store, "second");
        return { first, beside: await ProcessGroup.connect(second, { ...options, beside: first }) };
      }),
    );
    const [zero, one, two] = pairs as [(typeof pairs)[0], (typeof pairs)[0], (typeof pairs)[0]];
    await two.first.fail("its disk is full");
    const lostOf = async (group: ProcessGroup) =>
      (await group.explain(new Error("broken"))).lost.map(({ rank, reason }) => [rank, reason]);
    const expected = [[2, "its disk is full"]];
    assert.deepEqual(await lostOf(zero.beside), expected);
    await zero.first.fail("what it was told");
    assert.deepEqual([await lostOf(one.first), await lostOf(one.beside)], [expected, expected]);
    await assert.rejects(zero.first.barrier(), /rank 2 .* failed: its disk is full/);
  });

  it("is asked for in groups of the same processes alone", async () => {
    const [group] = (await groupsOf(1)) as [ProcessGroup];
    await assert.rejects(
      ProcessGroup.connect(await newStore(), { rank: 1, worldSize: 2, beside: group }),
      /^TorchError: .* the group beside is of rank 0 of 1, this one of rank 1 of 2; take one of the same ranks$/,
    );
    await group.close();
  });

  it("is not looked for by rank 0 where it cannot reach the store that it holds itself", async () => {
    const texts = new Map<string, string>();
    const store = {
      add: async () => 1,
      has: async (key: string) => texts.has(key),
      set: async (key: string, value: string) => void texts.set(key, value),
      get: async (key: string) => texts.get(key) as string,
    } as unknown as Store;
    const roll = await Roll.call(store, { rank: 0, worldSize: 1, timeout: 20_000 });
    store.set = async () => assert.fail("the store is gone");
    const turns = async () => {
      for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
      return "waits";
    };
    assert.deepEqual(await Promise.race([roll.cause(), turns()]), []);
  });

  for (const [own, title, more] of [
    [0, "is named where it is killed", {}],
    [1, "is named where it is killed and with it the store that it holds", { heldStore: true }],
  ] as const)
    it(title, async () => {
      const { group, child } = await withProcess(own);
      const failing = group.allReduce(ones([4]));
      const named = Promise.all([
        rejectsWith(failing, new RegExp(`^rank ${1 - own} \\(process ${child.pid} on .*\\) has ended`)),
        failsOf(failing, [{ rank: 1 - own, pid: child.pid as number, state: "ended", ...more }]),
      ]);
      child.kill("SIGKILL");
      await named;
    });
});

describe("the sum over ranks", () => {
  it("is differentiated as the sum of all ranks' losses", async () => {
    const { group, child } = await withProcess(0);
    const x = tensor([10, 20, 30], { requiresGrad: true });
    const y = group.sum(x);
    assert.deepEqual([...y.toTypedArray()], [11, 22, 33]);
    backward(sum(mul(y, y)));
    // 2y of this rank's loss, Σ y², and 3 of the other's, Σ 3y.
    assert.deepEqual([...(x.grad as Tensor).toTypedArray()], [25, 47, 69]);
    child.kill("SIGKILL");
  });
});
