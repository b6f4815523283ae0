/** What `prepare` makes of networks computes what they compute. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { equalize, planIntegers, prepare, whyNotIntegers } from "@pea/graph";
import { abs, amax, type Module, manualSeed, noGrad, randn, scope, setNumThreads, sub } from "@pea/torch";
import { GraphNetwork } from "../../src/import/network/graph-network.ts";
import { createModel } from "../../src/models/index.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { networksOfToday } from "../support/networks-of-today.ts";

setNumThreads(1);

/** With statistics of its own in each batch norm. */
function settled(model: Module, shape: readonly number[]): Module {
  for (let step = 0; step < 5; step++) scope(() => noGrad(() => void model.forward(randn([4, ...shape]))));
  model.eval();
  return model;
}

const ofToday = Object.entries(networksOfToday)
  // Its pooling to a given size is a product of matrices, which has no integer form.
  .filter(([name]) => name !== "VGG with average pooling")
  .map(([name, create]) => ({ name, create, shape: [3, 64, 64] }));
const ofThePaper = [
  { name: "mobilenet-0.1-small", shape: [1, 28, 28] },
  { name: "resnet18-0.1-small", shape: [3, 32, 32] },
  { name: "alexnet-bn-0.02", shape: [3, 224, 224] },
  { name: "erfnet-segmentation-0.2", shape: [3, 32, 64] },
].map(({ name, shape }) => ({
  name,
  create: () =>
    createModel(name, {
      inputChannels: shape[0],
      classes: 5,
      ...(name.startsWith("erf") && { init: "torch-default" as const }),
    }),
  shape,
}));

for (const { name, create, shape } of [...ofToday, ...ofThePaper])
  test(`${name}: prepared, it has integer forms alone, no lone ReLU, and the same answers, equalized too`, () => {
    manualSeed(1);
    const model = settled(create(), shape);
    const { graph } = prepare(traceNetwork(model, shape).graph);
    assert.equal(whyNotIntegers(graph), null);
    const { nodes } = planIntegers(graph);
    assert.deepEqual(
      nodes.filter(({ operator }) => operator === "Relu" || operator === "Clip"),
      [],
    );
    const images = randn([3, ...shape]);
    const expected = noGrad(() => model.forward(images));
    for (const form of [graph, equalize(graph)]) {
      const network = new GraphNetwork(form);
      network.eval();
      const actual = noGrad(() => network.forward(images));
      const difference = amax(abs(sub(expected, actual))).item() / amax(abs(expected)).item();
      assert.ok(difference < 1e-5, `${difference} of the largest`);
    }
  });
