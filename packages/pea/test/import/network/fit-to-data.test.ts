import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Constant, Graph } from "@pea/graph";
import {
  adaptiveAvgPool2d,
  Conv2d,
  cat,
  flatten,
  interpolate,
  Linear,
  logSoftmax,
  Module,
  manualSeed,
  ReLU,
  randn,
  Sequential,
  softmax,
  type Tensor,
} from "@pea/torch";
import { fitToData } from "../../../src/import/network/fit-to-data.ts";
import { drawWeights } from "../../../src/import/network/fresh-weights.ts";
import { GraphNetwork } from "../../../src/import/network/graph-network.ts";
import { importOnnx } from "../../../src/import/onnx/import-onnx.ts";
import { traceNetwork } from "../../../src/trace/trace.ts";
import { usage } from "../../support/usage-error.ts";

class Classifier extends Module {
  readonly conv = new Conv2d(3, 4, 3);
  readonly relu = new ReLU();
  readonly fc = new Linear(4, 5);
  constructor(private readonly answer: (x: Tensor) => Tensor = (x) => x) {
    super();
  }
  override forward(x: Tensor): Tensor {
    const features = adaptiveAvgPool2d(this.relu.forward(this.conv.forward(x)), 1);
    return this.answer(this.fc.forward(flatten(features, { startDim: 1 })));
  }
}

const graphOf = (model: Module, shape = [3, 16, 16]): Graph => traceNetwork(model, shape).graph;
const valuesOf = ({ constants }: Graph, name: string) =>
  (constants.get(name) as Constant).data as Float32Array;
const largest = (a: Tensor, b: Tensor) => {
  const [x, y] = [a.toTypedArray() as Float32Array, b.toTypedArray() as Float32Array];
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - (y[i] as number))), 0);
};

describe("classes:", () => {
  test("as many as the file has leave all as it is", () => {
    const graph = graphOf(new Classifier());
    const fitted = fitToData(graph, { inputShape: [3, 16, 16], classes: 5 });
    assert.deepEqual(fitted.remarks, []);
    assert.deepEqual(fitted.graph.constants, graph.constants);
  });

  test("another number draws the head anew, by the seed, and says so", () => {
    const graph = graphOf(new Classifier());
    const [a, b] = [1, 1].map((seed) => {
      manualSeed(seed);
      return fitToData(graph, { inputShape: [3, 16, 16], classes: 7 });
    });
    assert.deepEqual(a?.remarks, ["head fc.weight: 5 classes in the file, 7 in the data: drawn anew"]);
    assert.deepEqual(a?.graph.constants.get("fc.weight")?.shape, [7, 4]);
    assert.deepEqual(a?.graph.constants.get("fc.bias")?.shape, [7]);
    const weights = valuesOf(a?.graph as Graph, "fc.weight");
    assert.deepEqual(weights, valuesOf(b?.graph as Graph, "fc.weight"));
    // PyTorch draws within ±1 / √fan-in.
    assert.ok(weights.every((weight) => Math.abs(weight) <= 0.5) && new Set(weights).size > 20);
    assert.deepEqual(valuesOf(a?.graph as Graph, "conv.weight"), valuesOf(graph, "conv.weight"));
    assert.deepEqual(new GraphNetwork(a?.graph as Graph).forward(randn([2, 3, 16, 16])).shape, [2, 7]);
  });

  test("in segmentation the last convolution is the head, whatever scales behind it", () => {
    class Net extends Module {
      readonly body = new Sequential(new Conv2d(3, 4, 3, { stride: 2, padding: 1 }), new ReLU());
      readonly head = new Conv2d(4, 5, 1);
      override forward(x: Tensor): Tensor {
        return interpolate(this.head.forward(this.body.forward(x)), { size: [16, 16], mode: "bilinear" });
      }
    }
    const { graph } = fitToData(graphOf(new Net()), { inputShape: [3, 16, 16], classes: 2 });
    assert.deepEqual(new GraphNetwork(graph).forward(randn([1, 3, 16, 16])).shape, [1, 2, 16, 16]);
  });

  test("probabilities at the end are left to the loss", () => {
    const model = new Classifier((x) => softmax(x, 1));
    const { graph, remarks } = fitToData(graphOf(model), { inputShape: [3, 16, 16], classes: 5 });
    assert.deepEqual(remarks, ["Softmax at the end is left to the loss: the network gives scores"]);
    const images = randn([2, 3, 16, 16]);
    const scores = new GraphNetwork(graph).forward(images);
    assert.ok(largest(softmax(scores, 1), model.forward(images)) < 1e-6);
  });

  test("so are their logarithms", () => {
    const model = new Classifier((x) => logSoftmax(x, 1));
    const { graph, remarks } = fitToData(graphOf(model), { inputShape: [3, 16, 16], classes: 5 });
    assert.deepEqual(remarks, ["LogSoftmax at the end is left to the loss: the network gives scores"]);
    const images = randn([2, 3, 16, 16]);
    const scores = new GraphNetwork(graph).forward(images);
    assert.ok(largest(logSoftmax(scores, 1), model.forward(images)) < 1e-6);
  });

  test("where no layer answers in classes the refusal says what the answers come from", () => {
    const model = new Classifier((x) => cat([x, x], { dim: 1 }));
    const fit = () => fitToData(graphOf(model), { inputShape: [3, 16, 16], classes: 4 });
    assert.throws(
      fit,
      usage(/no layer was found at its end whose outputs are classes; its answers come out of Concat/),
    );
  });
});

describe("channels:", () => {
  test("grey images give what coloured ones of equal channels give", () => {
    const model = new Classifier();
    const { graph, remarks } = fitToData(graphOf(model), { inputShape: [1, 16, 16], classes: 5 });
    assert.match(remarks.join(), /^conv\.weight: for 3 channels, summed for the 1 of the data$/);
    const grey = randn([2, 1, 16, 16]);
    const coloured = cat([grey, grey, grey], { dim: 1 });
    assert.ok(largest(new GraphNetwork(graph).forward(grey), model.forward(coloured)) < 1e-5);
  });

  test("four channels, all alike, give what three give", () => {
    const model = new Classifier();
    const { graph } = fitToData(graphOf(model), { inputShape: [4, 16, 16], classes: 5 });
    const grey = randn([2, 1, 16, 16]);
    const alike = (count: number) => cat(new Array<Tensor>(count).fill(grey), { dim: 1 });
    // Of four the first counts twice as one of three: its weights are repeated, and all are scaled by 3 / 4.
    const weights = valuesOf(graph, "conv.weight");
    const own = valuesOf(graphOf(model), "conv.weight");
    assert.ok(Math.abs((weights[3 * 9] as number) - 0.75 * (own[0] as number)) < 1e-6);
    assert.deepEqual(new GraphNetwork(graph).forward(alike(4)).shape, [2, 5]);
  });
});

describe("image sizes:", () => {
  test("a network that pools over the whole image takes another", () => {
    const { graph } = fitToData(graphOf(new Classifier()), { inputShape: [3, 20, 24], classes: 5 });
    assert.deepEqual(new GraphNetwork(graph).forward(randn([1, 3, 20, 24])).shape, [1, 5]);
  });

  test("one that takes pixels by their places is refused: of another size they would be others", async () => {
    const path = fileURLToPath(new URL("../onnx/files/taken.new.onnx", import.meta.url));
    const { graph } = await importOnnx(path);
    const fit = () => fitToData(graph, { inputShape: [3, 40, 40], classes: 5 });
    assert.throws(fit, usage(/does not take images of 3×40×40: Split.*; it was made for 3×32×32/));
  });

  test("one with a layer for one size is refused, with the size that it was made for", () => {
    class Net extends Module {
      readonly conv = new Conv2d(3, 4, 3);
      readonly fc = new Linear(4 * 14 * 14, 5);
      override forward(x: Tensor): Tensor {
        return this.fc.forward(flatten(this.conv.forward(x), { startDim: 1 }));
      }
    }
    const fit = () => fitToData(graphOf(new Net()), { inputShape: [3, 20, 20], classes: 5 });
    assert.throws(fit, usage(/does not take images of 3×20×20: .*; it was made for 3×16×16/));
  });
});

test("weights drawn anew: kernels by He, biases zero, batch norm as if it were not there", () => {
  const weight = { shape: [64, 32, 3, 3], data: new Float32Array(64 * 32 * 9).fill(9) };
  const vector = (value: number) => ({ shape: [64], data: new Float32Array(64).fill(value) });
  const graph: Graph = {
    inputs: [{ name: "images", shape: ["batch", 32, 8, 8] }],
    outputs: ["b"],
    nodes: [
      { operator: "Conv", inputs: ["images", "w", "bias"], outputs: ["a"], attributes: {}, path: "" },
      {
        operator: "BatchNormalization",
        inputs: ["a", "s", "o", "m", "v"],
        outputs: ["b"],
        attributes: {},
        path: "",
      },
    ],
    constants: new Map(
      Object.entries({ w: weight, bias: vector(3), s: vector(3), o: vector(3), m: vector(3), v: vector(3) }),
    ),
  };
  manualSeed(1);
  const drawn = drawWeights(graph);
  const weights = valuesOf(drawn, "w");
  const deviation = Math.sqrt(weights.reduce((sum, each) => sum + each ** 2, 0) / weights.length);
  // √(2 / fan-out), with a fan-out of 64 · 9; 18,432 draws scatter by half a percent.
  assert.ok(Math.abs(deviation / Math.sqrt(2 / 576) - 1) < 0.03, `${deviation}`);
  const first = (name: string) => valuesOf(drawn, name)[0];
  assert.deepEqual(["bias", "s", "o", "m", "v"].map(first), [0, 1, 0, 0, 1]);
  assert.equal(graph.constants.get("w")?.data[0], 9);
});
