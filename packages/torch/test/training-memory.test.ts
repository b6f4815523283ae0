import assert from "node:assert/strict";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  BatchNormAct2d,
  backward,
  Conv2d,
  crossEntropyLoss,
  emptyCache,
  Flatten,
  full,
  Linear,
  Module,
  memoryStats,
  ReLU,
  randn,
  SGD,
  scope,
  type Tensor,
  zeros,
} from "@pea/torch";

class Net extends Module {
  readonly conv = new Conv2d(1, 16, 3, { padding: 1, bias: false });
  readonly bn: BatchNormAct2d = new BatchNormAct2d(16, { activation: () => this.relu });
  readonly relu: Module = new ReLU();
  readonly flatten = new Flatten();
  readonly head: Linear;

  constructor(size: number) {
    super();
    this.head = new Linear(16 * size * size, 10);
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.flatten.forward(this.bn.forward(this.conv.forward(x))));
  }
}

/**
 * Training steps of a network of its own on images of size × size; four to a batch. The event loop turns after each,
 * as in every training that listens to signals: Node.js frees what belonged to collected objects in a turn of its own.
 */
function trainer(size: number): (steps: number) => Promise<void> {
  const net = new Net(size);
  const optimizer = new SGD(net.parameters(), { lr: 0.01, momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  const x = randn([4, 1, size, size]);
  const y = zeros([4], { dtype: "int64" });
  return async (steps) => {
    for (let step = 0; step < steps; step++) {
      scope(() => {
        optimizer.zeroGrad();
        backward(crossEntropyLoss(net.forward(x), y));
        optimizer.step();
      });
      await setImmediate();
    }
  };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What is there once nothing is left to collect. */
async function memoryNow() {
  collectGarbage();
  await setImmediate();
  return { native: memoryStats(), resident: process.memoryUsage.rss() };
}

test("10,000 training steps leave nothing behind: no tensor, no byte, no growing process", async () => {
  const train = trainer(16);
  await train(1000);
  let before = await memoryNow();
  // Weights, their gradients and their momenta outlive a step; the activations' blocks wait for the next one.
  assert.ok(before.native.inUse > 0 && before.native.cached > 0);
  const growth: number[] = [];
  for (let stretch = 0; stretch < 8; stretch++) {
    await train(1200);
    const after = await memoryNow();
    assert.deepEqual(after.native, before.native);
    growth.push((after.resident - before.resident) / 1200);
    before = after;
  }
  // The third least of eight: a leak shows in every stretch, while V8's young generation takes some megabytes in a few
  // of them, and returns as many in others. A tensor's object and its node in the graph take about 2 KiB.
  const growing = growth.sort((a, b) => a - b)[2] as number;
  assert.ok(
    growing < 1024,
    `the process grew by ${growth.map((bytes) => bytes.toFixed()).join(", ")} bytes a step`,
  );
});

test("steady training makes almost no page faults: a step's memory serves the next one", async () => {
  const train = trainer(128);
  const faultsPerStep = async () => {
    const before = process.resourceUsage().minorPageFault;
    await train(20);
    return (process.resourceUsage().minorPageFault - before) / 20;
  };
  await train(20);
  // The least of a few: the garbage collector and the compiler of JavaScript fault in memory of their own, at times.
  let faults = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) faults = Math.min(faults, await faultsPerStep());
  // Each activation takes 4 MiB: 1024 pages of 4 KiB.
  assert.ok(faults < 100, `${faults} minor page faults per step`);
});

test("memory that a step frees by itself does not make V8 collect garbage: fewer than one full collection in ten steps", async () => {
  const train = trainer(128);
  await train(5);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[]) {
      if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  await train(50);
  await setImmediate();
  observer.disconnect();
  // Each step makes and frees some 30 MiB; V8 would begin to mark its heap at every second one.
  assert.ok(collections < 5, `${collections} full collections in 50 steps`);
});

test("what large tensors leave behind serves tensors of other sizes, and emptyCache gives it back", () => {
  const held = () => {
    const { inUse, cached } = memoryStats();
    return inUse + cached;
  };
  const mebibytes = (size: number) => zeros([size, 1 << 18]);
  emptyCache();
  assert.equal(memoryStats().cached, 0);
  scope(() => Array.from({ length: 12 }, () => mebibytes(4)).map((block) => block.dispose()));
  const before = held();
  assert.ok(memoryStats().cached >= 48 << 20);
  scope(() => {
    mebibytes(30);
    mebibytes(3);
    mebibytes(9);
  });
  assert.ok(held() - before < 4 << 20, `${held() - before} bytes more`);
  const { cached } = memoryStats();
  emptyCache();
  assert.ok(cached >= 48 << 20);
  assert.equal(memoryStats().cached, 0);
  using again = mebibytes(5);
  assert.equal(again.toTypedArray().at(-1), 0);
});

test("tensors of sizes around those of small blocks hold what is written, again and again", () => {
  const sizes = [1, 15, 16, 17, ...Array.from({ length: 40 }, (_, i) => 16384 - 24 + i)];
  for (let round = 0; round < 3; round++)
    scope(() => {
      const made = sizes.flatMap((size) => [full([size], round + size), full([size], -round - size)]);
      for (const [index, tensor] of made.entries()) {
        const value = (index % 2 === 0 ? 1 : -1) * (round + tensor.numel);
        assert.ok(
          tensor.toTypedArray().every((element) => element === value),
          `${tensor.numel} elements of round ${round}`,
        );
      }
    });
});
