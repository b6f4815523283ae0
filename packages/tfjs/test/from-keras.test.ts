/** Models that come from Keras by their JSON. */
import "./support/quiet.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { applyPea, checkTopology } from "../src/index.ts";

const entry = (className: string, config: object) => ({ class_name: className, config });
const sequential = (...layers: object[]) => entry("Sequential", { name: "net", layers });
const settings = { ensemble: "weighted", smooth: "gelu" } as const;

/** The layer alone, as Keras saves a model of it. */
const modelOf = (className: string, config: object) =>
  sequential(entry(className, { batch_input_shape: [null, 2], name: "act", ...config }));

const load = (topology: object) => tf.models.modelFromJSON({ modelTopology: topology } as never);

for (const [title, className, config, changed] of [
  ["a ReLU with a slope", "ReLU", { negative_slope: 0.1 }, /act with negative_slope 0\.1/],
  ["a ReLU with a threshold", "ReLU", { threshold: 0.5 }, /act with threshold 0\.5/],
  ["Keras 3's LeakyReLU", "LeakyReLU", { negative_slope: 0.05 }, /act with negative_slope 0\.05/],
] as const)
  test(`${title} is loaded as another without a word, and is told of from model.json`, async () => {
    const topology = modelOf(className, config);
    const model = await load(topology);
    const x = tf.tensor2d([[-1, 0.25]]);
    const [negative, positive] = (model.predict(x) as tf.Tensor).dataSync();
    const slope = "negative_slope" in config ? config.negative_slope : 0;
    const isKept =
      Math.abs((negative as number) + slope) < 1e-6 && positive === ("threshold" in config ? 0 : 0.25);
    assert.equal(isKept, false, "tfjs keeps it now: checkTopology is needed no more");
    for (const json of [topology, { format: "layers-model", modelTopology: { model_config: topology } }])
      assert.throws(
        () => checkTopology(json),
        (error) => error instanceof PeaError && error.kind === "usage" && changed.test(error.message),
      );
  });

test("what is loaded as it is passes: plain ReLUs, ReLU6, LeakyReLU with alpha", () => {
  checkTopology(modelOf("ReLU", { max_value: null, negative_slope: 0, threshold: 0 }));
  checkTopology(modelOf("ReLU", { max_value: 6, negative_slope: null }));
  checkTopology(modelOf("LeakyReLU", { alpha: 0.1 }));
  checkTopology(tf.sequential({ layers: [tf.layers.reLU({ inputShape: [2] })] }).toJSON(null, false));
});

test("a slope in a nested model, a wrapper or an activation is found", () => {
  const leaky = entry("ReLU", { name: "deep", negative_slope: 0.2 });
  for (const around of [
    sequential(leaky),
    entry("TimeDistributed", { name: "timed", layer: leaky }),
    entry("Dense", { name: "dense", activation: leaky }),
  ])
    assert.throws(() => checkTopology(sequential(around)), /deep with negative_slope 0\.2/);
});

test("Keras 3's JSON is refused by tfjs; with batch_shape renamed a sequential one loads, and takes PEA", async () => {
  const dtype = { module: "keras", ...entry("DTypePolicy", { name: "float32" }), registered_name: null };
  const keras3 = (shapeName: string) => ({
    module: "keras",
    registered_name: "Sequential",
    ...sequential(
      {
        module: "keras.layers",
        ...entry("InputLayer", { [shapeName]: [null, 2], dtype: "float32", sparse: false, name: "input" }),
      },
      {
        module: "keras.layers",
        ...entry("Dense", { name: "dense", trainable: true, dtype, units: 3, activation: "relu" }),
        build_config: { input_shape: [null, 2] },
      },
    ),
  });
  await assert.rejects(load(keras3("batch_shape")), /InputLayer/);
  const model = await load(keras3("batch_input_shape"));
  assert.deepEqual(
    applyPea(model, settings).sites.map(({ path }) => path),
    ["dense"],
  );
});
