import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { readExample, runExample } from "../support/readme-example.ts";
import { writeTinyData } from "../support/tiny-data.ts";

/** What the reader of an example on one's own network is said to bring: a model, and a step of training. */
const ownNetwork = `
import { backward, crossEntropyLoss, Linear, type Module, randn, ReLU, scope, Sequential, SGD, tensor } from "@pea/torch";

const model: Module = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 2));
const optimizer = new SGD([...model.parameters()], { lr: 0.01 });
const inputs = randn([8, 4]);
const labels = tensor([0, 1, 0, 1, 0, 1, 0, 1], { dtype: "int64" });
const keysBefore = [...model.stateDict().keys()];
const trained = { steps: 0, smooth: 0, mixed: 0, relu: 0 };

function trainOneStep(model: Module): void {
  trained.steps++;
  trained[handle.alpha === 0 ? "smooth" : handle.alpha === 1 ? "relu" : "mixed"]++;
  scope(() => {
    optimizer.zeroGrad();
    backward(crossEntropyLoss(model.forward(inputs), labels));
    optimizer.step();
  });
}
`;

const resultOfOwnNetwork = `
console.log(JSON.stringify({
  trained,
  sameKeys: JSON.stringify(keysBefore) === JSON.stringify([...model.stateDict().keys()]),
  activation: model.getModule("1").constructor.name,
}));
`;

for (const [path, heading, trained] of [
  ["README.md", "Use it on your own network", { steps: 10_000, smooth: 401, mixed: 7099, relu: 2500 }],
  [
    "packages/pea/src/methods/pea/README.md",
    "How to use",
    { steps: 2400, smooth: 101, mixed: 1699, relu: 600 },
  ],
  [
    "packages/pea/src/methods/swap/README.md",
    "How to use",
    { steps: 2400, smooth: 2160, mixed: 0, relu: 240 },
  ],
] as const)
  test(`${path}: the example trains a network of one's own and leaves plain ReLU`, () => {
    const printed = runExample(ownNetwork + readExample(path, heading) + resultOfOwnNetwork);
    assert.deepEqual(JSON.parse(printed), { trained, sameKeys: true, activation: "ReLU" });
  });

test("packages/pea/README.md: the example trains, exports and scores", () => {
  const dataDir = writeTinyData();
  try {
    const example = readExample("packages/pea/README.md", "From TypeScript");
    // Ten epochs of Fashion-MNIST would take minutes.
    assert.ok(example.includes("epochs: 10"));
    const tiny = `epochs: 4, batchSize: 32, lr: 0.05, dataDir: ${JSON.stringify(dataDir)}`;
    const printed = runExample(example.replace("epochs: 10", tiny));
    const [, testAccuracy] = /^test top-1: ([\d.]+)$/m.exec(printed) ?? [];
    const [, score] = /top1: ([\d.]+)/.exec(printed) ?? [];
    assert.match(printed, /^runs\/pea\/model\.onnx 27 [\d.e-]+$/m);
    assert.ok(testAccuracy !== undefined);
    assert.equal(score, testAccuracy);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
