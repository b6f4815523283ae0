/**
 * PEA for TensorFlow.js: two spirals learnt in two parts, the model saved in the midst of its transition and loaded again,
 * and a plain ReLU model written that `tf.loadLayersModel` and tensorflowjs_converter take.
 *
 *   npx tsx examples/tfjs/train-spirals.ts [folder]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyPea, finalize, PeaCallback, resumePea } from "@pea/tfjs";
import * as tf from "@tensorflow/tfjs";

const folder = process.argv[2] ?? "runs/tfjs-spirals";
const EPOCHS = 100;

/** Points of two arms, shifted against each other by half a turn, and the arm of each. */
function spirals(count: number): { points: tf.Tensor2D; arms: tf.Tensor2D } {
  const points = Array.from({ length: count }, (_, i) => {
    const along = (i + 1) / count;
    const angle = 2 * Math.PI * along + Math.PI * (i % 2);
    return [along * Math.cos(angle), along * Math.sin(angle)];
  });
  return { points: tf.tensor2d(points), arms: tf.tensor2d(points.map((_, i) => [i % 2])) };
}

function network(): tf.LayersModel {
  const dense = (seed: number) =>
    tf.layers.dense({
      units: 32,
      activation: "relu",
      kernelInitializer: tf.initializers.heNormal({ seed }),
    });
  const input = tf.input({ shape: [2] });
  const hidden = [1, 2, 3].reduce((x, seed) => dense(seed).apply(x) as tf.SymbolicTensor, input);
  const head = tf.layers.dense({
    units: 1,
    activation: "sigmoid",
    kernelInitializer: tf.initializers.heNormal({ seed: 4 }),
  });
  return tf.model({ inputs: input, outputs: head.apply(hidden) as tf.SymbolicTensor });
}

/** What a model saves, held in memory; a browser would give a URL such as `indexeddb://half`. */
async function saved(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  let kept: tf.io.ModelArtifacts | undefined;
  const keep = tf.io.withSaveHandler(async (artifacts) => {
    kept = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
  });
  await model.save(keep, { includeOptimizer: true });
  return kept as tf.io.ModelArtifacts;
}

/** `model.json` and its weights, as tfjs's own `file://` of Node.js writes them. */
function write({ modelTopology, weightSpecs, weightData }: tf.io.ModelArtifacts): void {
  mkdirSync(folder, { recursive: true });
  const weightsManifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
  const json = { format: "layers-model", modelTopology, weightsManifest };
  writeFileSync(join(folder, "model.json"), JSON.stringify(json));
  writeFileSync(join(folder, "weights.bin"), new Uint8Array(weightData as ArrayBuffer));
}

const { points, arms } = spirals(200);
const fitting = { batchSize: 20, verbose: 0, shuffle: false } as const;
const course = { end: "75%", epochs: EPOCHS };

const model = network();
model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: "binaryCrossentropy", metrics: ["accuracy"] });
const pea = applyPea(model, { ensemble: "stochastic", smooth: "mish", seed: 0 });
await model.fit(points, arms, { ...fitting, epochs: EPOCHS / 2, callbacks: new PeaCallback(pea, course) });
console.log(`saved at alpha ${pea.alpha.toFixed(3)}`);

// As if in another process: a new model, α and masks where they were.
const again = await tf.loadLayersModel(tf.io.fromMemory(await saved(model)));
const resumed = resumePea(again);
await again.fit(points, arms, {
  ...fitting,
  initialEpoch: EPOCHS / 2,
  epochs: EPOCHS,
  callbacks: new PeaCallback(resumed, course),
});
finalize(again);
const [, accuracy] = again.evaluate(points, arms, { verbose: 0 }) as tf.Scalar[];
console.log(`${Math.round(100 * (accuracy?.dataSync()[0] ?? 0))} % of the points, by ReLU alone`);
write(await saved(again));
console.log(`${join(folder, "model.json")} holds tfjs's own layers alone`);
