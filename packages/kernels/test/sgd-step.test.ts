/** pea::sgd_step_ against the update of plain operators, bit by bit, and against Python's SGD. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sgdStep, useKernels } from "@pea/kernels";
import {
  contiguous,
  type DType,
  getNumThreads,
  manualSeed,
  ones,
  randn,
  SGD,
  type SGDOptions,
  setNumThreads,
  setSGDKernel,
  type Tensor,
  transpose,
} from "@pea/torch";
import { nativeBinaries } from "@pea/torch/binaries";

const skip = !useKernels() && "the kernels are not built";

/** How often SGD offered an update to the kernel, and how often that made it. */
let offered = 0;
let fused = 0;

/** Parameters of awkward sizes and memory orders; the last is large enough for several threads. */
function makeParameters(dtype: DType): Tensor[] {
  return [
    randn([], { dtype }),
    randn([0], { dtype }),
    randn([17], { dtype }),
    contiguous(randn([4, 3, 3, 3], { dtype }), { memoryFormat: "channels_last" }),
    contiguous(randn([5, 1, 3, 3], { dtype }), { memoryFormat: "channels_last" }),
    transpose(randn([5, 7], { dtype }), 0, 1),
    randn([301, 333], { dtype }),
  ];
}

/** Parameters and velocities after four steps, as bytes; every second parameter is in a group of its own. */
function train(options: SGDOptions, dtype: DType, kernel: boolean): Buffer[] {
  manualSeed(4);
  const parameters = makeParameters(dtype);
  for (const parameter of parameters) parameter.requiresGrad = true;
  const [even, odd] = [0, 1].map((rest) => parameters.filter((_, i) => i % 2 === rest)) as [
    Tensor[],
    Tensor[],
  ];
  const optimizer = new SGD([{ parameters: even }, { parameters: odd, weightDecay: 0 }], options);
  const before = fused;
  setSGDKernel(kernel ? watched : undefined);
  for (let step = 0; step < 4; step++) {
    // Contiguous, as backward may leave them.
    for (const parameter of parameters) parameter.grad = randn(parameter.shape, { dtype });
    optimizer.step();
    for (const group of optimizer.groups) group.lr *= 0.7;
  }
  assert.equal(fused - before, kernel ? 8 : 0);
  return [...parameters, ...optimizer.state().values()].map((tensor) => Buffer.from(tensor.toBytes()));
}

function watched(...given: Parameters<typeof sgdStep>): boolean {
  offered++;
  const done = sgdStep(...given);
  if (done) fused++;
  return done;
}

const settings: Record<string, SGDOptions> = {
  plain: { lr: 0.1 },
  "weight decay": { lr: 0.1, weightDecay: 0.01 },
  momentum: { lr: 0.1, momentum: 0.9 },
  "momentum and weight decay": { lr: 0.1, momentum: 0.9, weightDecay: 0.01 },
  Nesterov: { lr: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true },
};

describe("SGD on the fused operator", { skip }, () => {
  before(() => setSGDKernel(watched));
  after(() => setSGDKernel(sgdStep));

  for (const [name, options] of Object.entries(settings)) {
    for (const dtype of ["float32", "float64"] as const) {
      test(`${name}, ${dtype}: bit for bit what plain operators give`, () => {
        assert.deepEqual(train(options, dtype, true), train(options, dtype, false));
      });
    }
  }

  test("does not depend on the number of threads", () => {
    const options = settings.Nesterov as SGDOptions;
    const threads = getNumThreads();
    try {
      setNumThreads(1);
      const one = train(options, "float32", true);
      setNumThreads(3);
      assert.deepEqual(train(options, "float32", true), one);
    } finally {
      setNumThreads(threads);
    }
  });

  test("a group with another dtype stays on plain operators", () => {
    setSGDKernel(watched);
    const parameters = [ones([3]), ones([3]), ones([3], { dtype: "bfloat16" })];
    for (const parameter of parameters) {
      parameter.requiresGrad = true;
      parameter.grad = ones([3], { dtype: parameter.dtype });
    }
    const groups = [{ parameters: parameters.slice(0, 1) }, { parameters: parameters.slice(1) }];
    const before = { offered, fused };
    new SGD(groups, { lr: 0.5 }).step();
    assert.deepEqual({ offered, fused }, { offered: before.offered + 2, fused: before.fused + 1 });
    for (const parameter of parameters) assert.deepEqual(parameter.toNestedArray(), [0.5, 0.5, 0.5]);
  });
});

test("Python's SGD gives the same; tensors that do not fit together are refused", {
  skip: skip || (nativeBinaries().engine.directory !== undefined && "Debian's engine alone"),
}, () => {
  const library = nativeBinaries().file("kernels");
  const script = fileURLToPath(new URL("sgd_step.py", import.meta.url));
  const { status, stderr } = spawnSync("/usr/bin/python3", [script, library], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
