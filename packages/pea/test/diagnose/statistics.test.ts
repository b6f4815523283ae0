import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  add,
  BatchNorm2d,
  backward,
  batchNorm,
  clipGradNorm,
  copyInPlace,
  getRngState,
  Module,
  manualSeed,
  mean,
  noGrad,
  onForward,
  ReLU,
  randn,
  scope,
  setNumThreads,
  sum,
  type Tensor,
  tanh,
  tensor,
  variance,
} from "@pea/torch";
import type { PassingActivation } from "../../src/activations/index.ts";
import { probe } from "../../src/diagnose/probe.ts";
import { gradientNorms, normMismatch, siteStatistics } from "../../src/diagnose/statistics.ts";
import { applyPea } from "../../src/methods/index.ts";
import { createModel } from "../../src/models/index.ts";
import { classification } from "../../src/tasks/classification/classification.ts";
import { DropoutNetwork } from "../support/dropout-network.ts";

setNumThreads(1);

/** Six digits are recorded, of float32 sums. */
function assertClose(actual: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(actual - expected) <= 2e-5 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}, not ${expected}`,
  );
}

const task = classification(["a", "b"]);

const average = (values: number[]) => values.reduce((total, value) => total + value, 0) / values.length;
const rootMeanSquare = (values: number[]) => Math.sqrt(average(values.map((value) => value ** 2)));

describe("statistics of pre-activations", () => {
  test("are the moments of all elements, the share below 0, and the share of channels nowhere above 0", () => {
    // Two images, three channels, 1×2 pixels; the third channel is dead: 0 is not above 0.
    const channels = [
      [1, -2, 3, 0.5],
      [-1, -1, -1, 4],
      [-3, 0, -0.5, -2],
    ];
    const input = tensor(
      [0, 1].map((image) => channels.map((values) => [values.slice(2 * image, 2 * image + 2)])),
    );
    const found = siteStatistics(input);
    const all = channels.flat();
    const centered = all.map((value) => value - average(all));
    const square = average(centered.map((value) => value ** 2));
    assertClose(found.mean, average(all), "mean");
    assertClose(found.std, Math.sqrt(square), "std");
    assertClose(found.negative, 7 / 12, "negative");
    assertClose(found.kurtosis, average(centered.map((value) => value ** 4)) / square ** 2 - 3, "kurtosis");
    assertClose(found.dead, 1 / 3, "dead");
  });

  test("of normal numbers are those of the normal distribution", () => {
    manualSeed(1);
    const expected = { mean: 0, std: 1, negative: 0.5, kurtosis: 0, dead: 0 };
    for (const [name, value] of Object.entries(siteStatistics(randn([100, 20, 10, 10])))) {
      const normal = expected[name as keyof typeof expected];
      assert.ok(Math.abs(value - normal) < 0.03, `${name}: ${value}, not ${normal}`);
    }
  });
});

describe("the mismatch of a batch norm", () => {
  const batch = [
    [
      [1, 3],
      [2, 2],
    ],
    [
      [5, 7],
      [6, 10],
    ],
  ];
  const input = tensor(batch.map((image) => image.map((row) => [row])));
  const channel = (index: number) => batch.flatMap((image) => image[index] as number[]);
  const moments = [0, 1].map((index) => {
    const mean = average(channel(index));
    return { mean, variance: average(channel(index).map((value) => (value - mean) ** 2)) };
  });

  test("is 0 where running statistics are the batch's", () => {
    const found = normMismatch(input, {
      runningMean: tensor(moments.map(({ mean }) => mean)),
      runningVar: tensor(moments.map(({ variance }) => variance)),
      eps: 1e-3,
    });
    assert.deepEqual(found, { mean: 0, variance: 0 });
  });

  test("is the normalized shift of the mean and the logarithm of the variances' ratio, over the channels", () => {
    const eps = 0.5;
    const runningMean = [0, 4];
    const runningVar = [2, 3];
    const found = normMismatch(input, {
      runningMean: tensor(runningMean),
      runningVar: tensor(runningVar),
      eps,
    });
    const shifts = moments.map(
      ({ mean }, i) => (mean - (runningMean[i] as number)) / Math.sqrt((runningVar[i] as number) + eps),
    );
    const logarithms = moments.map(({ variance }, i) =>
      Math.log((variance + eps) / ((runningVar[i] as number) + eps)),
    );
    assertClose(found.mean, rootMeanSquare(shifts), "mean");
    assertClose(found.variance, rootMeanSquare(logarithms), "variance");
  });
});

test("norms of gradients are those of each module's parameters, and of all together", () => {
  manualSeed(2);
  const model = new DropoutNetwork(1, 3);
  assert.deepEqual(gradientNorms(model), { global: 0, modules: {} });
  scope(() => backward(sum(model.forward(randn([4, 1, 12, 12])))));
  const { global, modules } = gradientNorms(model);
  assert.deepEqual(Object.keys(modules), ["conv1", "bn1", "conv2", "fc"]);
  const elements = (gradient: Tensor | null) => Array.from(gradient?.toTypedArray() ?? [], Number);
  const { weight, bias } = model.fc;
  const own = [...elements(weight.grad), ...elements((bias as Tensor).grad)];
  assertClose(modules.fc as number, Math.sqrt(own.length) * rootMeanSquare(own), "fc");
  assertClose(global, clipGradNorm(model.parameters(), 1e9), "global");
});

describe("a probe", () => {
  manualSeed(3);
  const model: Module = createModel("mobilenet-0.25-small", { classes: 10, inputChannels: 1 });
  const handle = applyPea(model, { ensemble: "stochastic", smooth: "mish" });
  handle.alpha = 0.3;
  const batch = { images: randn([16, 1, 28, 28]), labels: tensor(new BigInt64Array(16)) };
  // Running statistics of data other than the batch.
  noGrad(() => scope(() => void model.forward(randn([16, 1, 28, 28]))));

  const bytesOf = (values: Tensor) => Buffer.from(values.toTypedArray().buffer).toString("hex");

  test("leaves weights, running statistics, the random generator and the mode as they were", () => {
    const everything = () => [
      [...model.stateDict()].map(([key, value]) => [key, bytesOf(value)]),
      bytesOf(getRngState()),
      [...model.namedModules()].map(([path, module]) => [
        path,
        module.training,
        Object.hasOwn(module, "forward"),
      ]),
    ];
    const before = everything();
    probe(model, batch, task);
    assert.deepEqual(everything(), before);
  });

  test("sees every site and batch norm in the order of definition", () => {
    const { sites, norms } = probe(model, batch, task);
    assert.deepEqual(
      sites.map(({ path }) => path),
      handle.sites.map(({ path }) => path),
    );
    assert.equal(norms.length, 27);
    assert.deepEqual(norms[1]?.path, "features.1.dw.bn");
  });

  test("takes a site's statistics of what enters the activation in evaluation", () => {
    const first = model.getModule("features.0.bn") as BatchNorm2d;
    const { sites, norms } = probe(model, batch, task);
    model.eval();
    let convolved: Tensor | undefined;
    const unhook = onForward(model.getModule("features.0.conv"), (_, output) => {
      convolved = output;
    });
    noGrad(() => model.forward(batch.images));
    unhook();
    model.train();
    const { weight, bias, runningMean, runningVar, eps } = first;
    const normalized = batchNorm(convolved as Tensor, {
      weight,
      bias,
      runningMean,
      runningVar,
      training: false,
      momentum: 0,
      eps,
    });
    assert.deepEqual(sites[0], { path: "features.0.act", ...siteStatistics(normalized) });
    assert.deepEqual(norms[0], { path: "features.0.bn", ...normMismatch(convolved as Tensor, first) });
  });

  test("looks at a method's own module in ReLU's place, too", () => {
    class Fading extends Module implements PassingActivation {
      readonly unfinished = "a tanh";
      override forward(x: Tensor): Tensor {
        return sum(tanh(x), { dim: [2, 3] });
      }
    }
    const images = randn([4, 2, 3, 3]);
    const labels = tensor(BigInt64Array.from([0n, 1n, 0n, 1n]));
    const { sites } = probe(new Fading(), { images, labels }, task);
    assert.deepEqual(sites, [{ path: "", ...siteStatistics(images) }]);
  });

  test("scores with the batch's statistics what running statistics equal to them score", () => {
    class Normalized extends ReLU {
      readonly bn = new BatchNorm2d(10);
      override forward(images: Tensor): Tensor {
        return sum(super.forward(this.bn.forward(images)), { dim: [2, 3] });
      }
    }
    const network = new Normalized();
    const images = add(randn([12, 10, 4, 4]), randn([10, 1, 1]));
    const own = { images, labels: tensor(BigInt64Array.from({ length: 12 }, (_, i) => BigInt(i % 10))) };
    const strange = probe(network, own, task);
    assert.ok(Math.abs(strange.running.loss - strange.batch.loss) > 1e-3);
    const dim = [0, 2, 3];
    copyInPlace(network.bn.runningMean, mean(images, { dim }));
    copyInPlace(network.bn.runningVar, variance(images, { dim, correction: 0 }));
    const fitting = probe(network, own, task);
    assert.deepEqual(fitting.batch, strange.batch);
    assertClose(fitting.running.loss, strange.batch.loss, "loss");
    assert.equal(fitting.running.top1, strange.batch.top1);
  });
});
