import "./support/quiet.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { applyPea, EnsembleActivation, finalize, resumePea } from "../src/index.ts";
import { compiled, imageModel, images, outputsOf, savedAndLoaded } from "./support/models.ts";

const settings = { ensemble: "stochastic", smooth: "gelu", seed: 1 } as const;

const refuses = (body: () => unknown, message: RegExp): void => {
  assert.throws(body, (error) => {
    assert.ok(error instanceof PeaError && error.kind === "usage", String(error));
    assert.match(error.message, message);
    return true;
  });
};

test("every spelling of ReLU and ReLU6 is found, in the order of the layers", () => {
  const pea = applyPea(imageModel(), settings);
  assert.deepEqual(
    pea.sites.map(({ path, state }) => [path, state.target, state.site]),
    [
      ["conv", "relu", 0],
      ["relu_layer", "relu", 1],
      ["depthwise", "relu6", 2],
      ["relu6_layer", "relu6", 3],
      ["activation", "relu", 4],
      ["threshold", "relu", 5],
    ],
  );
});

test("an activation given by the name of the layer is ReLU too", () => {
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 2, inputShape: [2], activation: "ReLU" as never })],
  });
  assert.equal(applyPea(model, settings).sites.length, 1);
});

test("nested models and wrapped layers are looked into", () => {
  const inner = tf.sequential({
    name: "inner",
    layers: [tf.layers.dense({ name: "first", units: 4, activation: "relu", inputShape: [3] })],
  });
  const input = tf.input({ shape: [5, 3] });
  const timed = tf.layers.timeDistributed({
    name: "timed",
    layer: tf.layers.dense({ name: "each", units: 3, activation: "relu" }),
  });
  const pooled = tf.layers.globalAveragePooling1d({}).apply(timed.apply(input)) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: inner.apply(pooled) as tf.SymbolicTensor });
  assert.deepEqual(
    applyPea(model, settings).sites.map(({ path }) => path),
    ["timed/each", "inner/first"],
  );
});

test("a layer applied twice is refused, and may be left out", () => {
  const input = tf.input({ shape: [4] });
  const shared = tf.layers.dense({ name: "shared", units: 4, activation: "relu" });
  const twice = shared.apply(shared.apply(input)) as tf.SymbolicTensor;
  const own = tf.layers
    .dense({ name: "own", units: 2, activation: "relu" })
    .apply(twice) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: own });
  refuses(
    () => applyPea(model, settings),
    /PEA cannot stand at shared: shared is applied at more than one place/,
  );
  assert.equal(applyPea(model, { ...settings, where: (path) => path !== "shared" }).sites.length, 1);
});

test("a layer that another model holds too is not taken for one applied twice", () => {
  const input = tf.input({ shape: [4] });
  const layer = tf.layers.dense({ units: 4, activation: "relu" });
  const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
  const other = tf.input({ shape: [4] });
  tf.model({ inputs: other, outputs: layer.apply(other) as tf.SymbolicTensor });
  assert.equal(applyPea(model, settings).sites.length, 1);
});

test("SiLU is taken for Swish, which is the same", () => {
  const layer = new EnsembleActivation({ ensemble: "weighted", smooth: "silu" as "swish" });
  assert.equal(layer.getConfig().smooth, "swish");
});

test("what PEA cannot do is refused, and the model stays as it was", () => {
  const topology = (model: tf.LayersModel) => JSON.stringify(model.toJSON(null, false));
  const cases: [tf.LayersModel, RegExp][] = [
    [
      tf.sequential({
        layers: [tf.layers.simpleRNN({ name: "rnn", units: 2, activation: "relu", inputShape: [3, 2] })],
      }),
      /PEA cannot stand at rnn: a recurrent layer/,
    ],
    [
      tf.sequential({
        layers: [
          tf.layers.rnn({
            name: "stack",
            cell: tf.layers.stackedRNNCells({
              cells: [
                tf.layers.lstmCell({ units: 2 }),
                tf.layers.simpleRNNCell({ units: 2, activation: "relu" }),
              ],
            }) as never,
            inputShape: [3, 2],
          }),
        ],
      }),
      /PEA cannot stand at stack: a recurrent layer/,
    ],
    [
      tf.sequential({
        layers: [
          tf.layers.lstm({ name: "gated", units: 2, recurrentActivation: "relu6", inputShape: [3, 2] }),
        ],
      }),
      /PEA cannot stand at gated: a recurrent layer/,
    ],
    [
      tf.sequential({ layers: [tf.layers.reLU({ name: "clip", maxValue: 3, inputShape: [2] } as never)] }),
      /PEA cannot stand at clip: clip is clipped at 3/,
    ],
    [tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2] })] }), /no ReLU found/],
  ];
  for (const [model, message] of cases) {
    const before = topology(model);
    refuses(() => applyPea(model, settings), message);
    assert.equal(topology(model), before);
  }
  const model = imageModel();
  const before = topology(model);
  refuses(() => applyPea(model, { ...settings, smooth: "relu" as never }), /smooth must be one of gelu/);
  refuses(() => applyPea(model, { ...settings, seed: -1 }), /seed must be a whole number/);
  assert.equal(topology(model), before);
  applyPea(model, settings);
  refuses(() => applyPea(model, settings), /PEA stands in this model already \(at conv\)/);
  refuses(() => resumePea(imageModel()), /no ensemble stands in/);
});

test("a GraphModel, and what is no model, are refused with the way out", () => {
  refuses(() => applyPea(new tf.GraphModel("nowhere") as never, settings), /tensorflowjs_converter/);
  refuses(() => applyPea({} as never, settings), /tf\.LayersModel/);
});

test("at the ends the model equals the plain ones: ReLU to the last bit, topology and all", () => {
  const { xs } = images();
  const model = imageModel();
  const plain = outputsOf(model, xs);
  const topology = JSON.stringify(model.toJSON(null, false));
  const pea = applyPea(model, settings);
  assert.notDeepEqual(outputsOf(model, xs), plain);
  pea.view = "deployed";
  assert.deepEqual(outputsOf(model, xs), plain);
  pea.view = "current";
  pea.alpha = 1;
  assert.deepEqual(outputsOf(model, xs), plain);
  finalize(model);
  assert.deepEqual(outputsOf(model, xs), plain);
  assert.equal(JSON.stringify(model.toJSON(null, false)), topology);
  assert.equal(applyPea(model, settings).sites.length, 6);
});

test("below alpha 1 a model is not finalized", () => {
  const model = imageModel();
  const pea = applyPea(model, settings);
  pea.alpha = 0.999;
  assert.throws(() => finalize(model), /alpha is 0\.999 at conv, not 1/);
  assert.equal(pea.sites.length, 6);
  refuses(() => {
    pea.alpha = 1.5;
  }, /alpha must be a number from 0 to 1/);
});

test("saved in the midst of its transition, a model comes back as it was", async () => {
  const { xs } = images();
  const model = imageModel();
  const pea = applyPea(model, settings);
  pea.alpha = 0.3125;
  pea.step = 99;
  const { model: again, topology } = await savedAndLoaded(model);
  assert.match(topology, /"smooth":"gelu"/);
  assert.deepEqual(outputsOf(again, xs), outputsOf(model, xs));
  const resumed = resumePea(again);
  assert.deepEqual(
    resumed.sites.map(({ path, state }) => ({ path, ...state.config })),
    pea.sites.map(({ path, state }) => ({ path, ...state.config })),
  );
  resumed.alpha = 1;
  finalize(again);
  const { topology: final } = await savedAndLoaded(again);
  assert.doesNotMatch(final, /nsemble/);
});

test("a finalized model is one of tfjs's own layers, and is loaded by tfjs alone", async () => {
  const { xs } = images();
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 4, inputShape: [8, 8, 1] }),
      new EnsembleActivation({ ensemble: "weighted", smooth: "swish", name: "ensemble" }),
      new EnsembleActivation({ ensemble: "weighted", smooth: "elu", target: "relu6", name: "clipped" }),
    ],
  });
  const pea = resumePea(compiled(model));
  pea.alpha = 1;
  const before = outputsOf(model, xs);
  finalize(model);
  const { model: again, topology } = await savedAndLoaded(model);
  assert.deepEqual(again.layers.map((layer) => [layer.name, layer.getClassName()]).slice(1), [
    ["ensemble", "ReLU"],
    ["clipped", "ReLU"],
  ]);
  assert.doesNotMatch(topology, /EnsembleActivation/);
  assert.deepEqual(outputsOf(again, xs), before);
});
