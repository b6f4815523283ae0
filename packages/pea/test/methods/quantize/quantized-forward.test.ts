/** The forward pass of training with rounded numbers, against the network of integers that is exported. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planIntegers, prepare, quantize, rangedValues, type Scheme, usualScheme } from "@pea/graph";
import {
  abs,
  add,
  amax,
  backward,
  clone,
  copyInPlace,
  div,
  manualSeed,
  mean,
  memoryStats,
  mul,
  narrow,
  noGrad,
  rand,
  randn,
  scope,
  setNumThreads,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import { graphOf, node } from "../../../../graph/test/make-graph.ts";
import { QuantizedForward } from "../../../src/methods/quantize/quantized-forward.ts";
import {
  roundedGamma,
  roundedParameters,
  roundedWeight,
  weightScales,
} from "../../../src/methods/quantize/rounded-weights.ts";
import { createModel } from "../../../src/models/index.ts";
import { SimulatedNetwork } from "../../../src/quantize/simulated-network.ts";
import { traceNetwork } from "../../../src/trace/trace.ts";

setNumThreads(1);
const [usual, perTensor] = [usualScheme({}), usualScheme({ perTensor: true })];
const int16 = usualScheme({ activations: "int16" });
const powersOfTwo: Scheme = { activations: "int8", scales: "powers of two", weights: "per channel" };
const schemes = [usual, perTensor, int16, powersOfTwo];
const tracked = { ranges: "tracked", momentum: 0.01, batchNorm: "running" } as const;

/** A network whose batch norms have statistics and weights of their own, its graph, and images. */
function network(name: string, image: readonly number[]) {
  manualSeed(3);
  const model = createModel(name, { classes: 4 });
  noGrad(() =>
    scope(() => {
      const state = new Map([...model.namedParameters(), ...model.namedBuffers()]);
      for (const [key, tensor] of state)
        if (key.endsWith("running_var") || (tensor.ndim === 1 && key.endsWith("weight")))
          copyInPlace(tensor, add(rand(tensor.shape), 0.5));
      for (const [key, tensor] of state)
        if (key.endsWith("running_mean") || key.endsWith("bias"))
          copyInPlace(tensor, mul(randn(tensor.shape), 0.1));
    }),
  );
  model.eval();
  const images = randn([3, ...image]);
  return { model, images, graph: traceNetwork(model, image).graph };
}

/** Of two gradients: 1 where they point the same way. */
function cosine(a: Tensor, b: Tensor): number {
  const product = (x: Tensor, y: Tensor) => Number(sum(mul(x, y)).item());
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

describe("the forward pass with rounded numbers", () => {
  for (const [name, image, own] of [
    ["resnet18-0.25-small", [3, 16, 16], schemes],
    ["mobilenet-v2-0.35", [3, 32, 32], [usual]],
    ["shufflenet-v2-0.5", [3, 32, 32], [perTensor]],
    // Its batch norms stand behind concatenations.
    ["erfnet-segmentation", [3, 16, 24], [perTensor, powersOfTwo]],
  ] as const)
    for (const scheme of own)
      test(`${name}, ${Object.values(scheme).join(", ")}: what the exported integers stand for`, () => {
        const { model, images, graph } = network(name, image);
        const forward = new QuantizedForward(model, graph, { ...scheme, ...tracked });
        const plan = planIntegers(prepare(graph).graph);
        noGrad(() => forward.forward(images, { training: true }));
        const ranges = forward.ranges.read();
        assert.deepEqual([...ranges.keys()].sort(), rangedValues(plan).sort(), "a value has no range");
        const integers = quantize(plan, ranges, scheme);
        const expected = new Map<string, Tensor>();
        const simulated = new SimulatedNetwork(integers);
        noGrad(() => simulated.observed(images, (name, value) => void expected.set(name, clone(value))));
        const steps: number[] = [];
        const observe = (name: string, value: Tensor) => {
          const wanted = expected.get(name) as Tensor;
          assert.deepEqual(value.shape, wanted.shape, name);
          const scale = integers.quantizations.get(name)?.scales[0] as number;
          steps.push(Number(mean(abs(div(sub(value, wanted), scale))).item()));
        };
        noGrad(() => forward.observed(images, { training: false, observe }));
        // A number next to a half may be rounded to the other side, and more of those behind it with each layer.
        const first = steps.slice(0, 4);
        assert.ok(Math.max(...first) < 0.05, `${first} steps`);
      });

  test("a channel behind a dead one gives its shift, in integers as in training", () => {
    const { model, images } = network("mobilenet-0.02-small", [3, 28, 28]);
    const set = (key: string, channel: number, value: number) =>
      noGrad(() => copyInPlace(narrow(model.stateDict().get(key) as Tensor, 0, channel, 1), tensor([value])));
    // ReLU lets nothing of channel 0 through; channel 1 makes the steps of the others coarse.
    set("features.0.bn.weight", 0, 0.1);
    set("features.0.bn.bias", 0, -10);
    set("features.0.bn.weight", 1, 100);
    set("features.1.dw.bn.running_var", 1, 1e4);
    set("features.1.dw.bn.running_mean", 0, 0);
    set("features.1.dw.bn.running_var", 0, 1e-28);
    set("features.1.dw.bn.weight", 0, 260);
    set("features.1.dw.bn.bias", 0, 0.5);
    const { graph } = traceNetwork(model, [3, 28, 28]);
    for (const scheme of [usual, perTensor]) {
      const forward = new QuantizedForward(model, graph, { ...scheme, ...tracked });
      noGrad(() => forward.forward(images, { training: true }));
      const ranges = forward.ranges.read();
      const plan = planIntegers(prepare(graph).graph);
      assert.deepEqual([...ranges.keys()].sort(), rangedValues(plan).sort(), "a value has no range");
      const integers = quantize(plan, ranges, scheme);
      const step = integers.quantizations.get("features.1.dw.act")?.scales[0] as number;
      const isShift = (name: string, value: Tensor) => {
        if (name !== "features.1.dw.act") return;
        const channel = narrow(value, 1, 0, 1);
        assert.ok(amax(abs(sub(channel, 0.5))).item() <= step, `${scheme.weights}: not 0.5 ± ${step}`);
      };
      noGrad(() => new SimulatedNetwork(integers).observed(images, isShift));
      noGrad(() => forward.observed(images, { training: false, observe: isShift }));
    }
  });

  test("gradients reach every parameter, as those of evaluation where rounding is fine", () => {
    const { model, images, graph } = network("resnet18-0.25-small", [3, 16, 16]);
    const forward = new QuantizedForward(model, graph, { ...int16, ...tracked });
    scope(() => {
      const logits = model.forward(images);
      backward(sum(mul(logits, logits)));
    });
    const expected = new Map([...model.namedParameters()].map(([key, { grad }]) => [key, grad as Tensor]));
    for (const parameter of model.parameters()) parameter.grad = null;
    scope(() => {
      const logits = forward.forward(images, { training: true });
      backward(sum(mul(logits, logits)));
    });
    forward.takeGradients();
    for (const [key, { grad }] of model.namedParameters()) {
      assert.ok(grad, key);
      const alike = cosine(grad, expected.get(key) as Tensor);
      assert.ok(alike > 0.9, `${key}: ${alike}`);
    }
  });

  test("with batch norms frozen is that of evaluation while it trains, and statistics stay, where they run else", () => {
    for (const batchNorm of ["frozen", "running"] as const) {
      const { model, images, graph } = network("resnet18-0.25-small", [3, 16, 16]);
      model.train();
      const statistics = () =>
        [...model.namedBuffers()].flatMap(([, buffer]) => [...(buffer.toTypedArray() as Float32Array)]);
      const before = statistics();
      const forward = new QuantizedForward(model, graph, { ...int16, ...tracked, batchNorm });
      // Ranges are those of the first pass, whichever it is.
      const first = noGrad(() => forward.forward(images, { training: true }));
      model.eval();
      const evaluated = noGrad(() => forward.forward(images, { training: false }));
      const isFrozen = batchNorm === "frozen";
      assert.equal(amax(abs(sub(first, evaluated))).item() === 0, isFrozen);
      assert.equal(`${statistics()}` === `${before}`, isFrozen);
    }
  });

  test("passes leave no tensor behind", () => {
    const { model, images, graph } = network("resnet18-0.25-small", [3, 16, 16]);
    const forward = new QuantizedForward(model, graph, { ...usual, ...tracked });
    const pass = () => {
      scope(() => backward(sum(forward.forward(images, { training: true }))));
      forward.takeGradients();
      for (const parameter of model.parameters()) parameter.grad = null;
    };
    pass();
    const { tensors } = memoryStats();
    pass();
    assert.equal(memoryStats().tensors, tensors);
    forward.dispose();
  });
});

describe("scales of weights", () => {
  const greatest = Float32Array.of(127, 254, 0);
  test("per channel are the greatest weight's, whatever batch norm does later", () => {
    assert.deepEqual([...weightScales(greatest, null, usual)], [1, 2, Math.fround(1 / 127)]);
    assert.deepEqual([...weightScales(greatest, Float32Array.of(4, 0.5, 1), usual)].slice(0, 2), [1, 2]);
  });
  test("per tensor are one scale once batch norm has multiplied", () => {
    const scales = weightScales(greatest, Float32Array.of(4, 0.5, 1), perTensor);
    assert.deepEqual([...scales], [1, 8, 4]);
  });
  test("powers of two are such once batch norm has multiplied", () => {
    assert.deepEqual([...weightScales(greatest, Float32Array.of(3, 0.5, 1), powersOfTwo)].slice(0, 2), [
      Math.fround(4 / 3),
      2,
    ]);
  });
  test("of a layer that batch norm multiplies by 0 are its own", () => {
    assert.equal(weightScales(greatest, Float32Array.of(0, 1, 1), perTensor)[0], 1);
  });
});

describe("batch norm of what a convolution and the images themselves give", () => {
  // γ / √(variance + ε) is γ: the variance is 1, ε 0.
  const numbers = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
  const graph = graphOf(
    ["batch", 2, 4, 4],
    [
      node("Conv", ["x", "conv"], "a", { kernel_shape: [1, 1] }),
      node("Concat", ["a", "x"], "b", { axis: 1 }),
      node("BatchNormalization", ["b", "gamma", "beta", "mean", "variance"], "y", { epsilon: 0 }),
    ],
    {
      conv: { shape: [1, 2, 1, 1], data: Float32Array.of(254, 3) },
      ...{ gamma: numbers(0.5, 127, -60.3), variance: numbers(1, 1, 1) },
      ...{ beta: numbers(0, 0, 0), mean: numbers(0, 0, 0) },
    },
  );
  const state = new Map(
    [...graph.constants].map(([key, { shape, data }]) => [key, tensor(data as Float32Array, { shape })]),
  );
  const gammaOf = (scheme: Scheme) => {
    const [norm] = roundedParameters(graph, scheme).norms;
    assert.ok(norm);
    return [
      ...(roundedGamma(state.get("gamma") as Tensor, norm, state, scheme).toTypedArray() as Float32Array),
    ];
  };
  test("is in the convolution's weights, by its own channels", () => {
    const [layer] = roundedParameters(graph, powersOfTwo).weights;
    assert.ok(layer);
    assert.deepEqual(layer.norm, { weight: "gamma", variance: "variance", epsilon: 0, from: 0 });
    // 254 · 0.5 / 127 = 1 is a power of two: the weights have twice that.
    assert.deepEqual(
      [...(roundedWeight(layer, state, powersOfTwo).toTypedArray() as Float32Array)],
      [254, 4],
    );
  });
  test("and weights of a layer of its own for the images, of one scale or of powers of two", () => {
    assert.deepEqual(gammaOf(perTensor), [0.5, 127, -60]);
    assert.deepEqual(gammaOf(powersOfTwo), [0.5, 127, -60.5]);
  });
  test("is exact with a scale for each output", () => {
    assert.deepEqual(roundedParameters(graph, usual).norms, []);
  });
});
