/**
 * Trains networks on images, seed by seed, with ReLU and with PEA, in a thread of its own.
 *
 * @module
 */
import { type PhasePlan, phaseAt, planPhases } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { Contender } from "../contender.ts";
import { Pausing } from "../pausing.ts";
import { classes, type Images, SIDE, unpack } from "./packed.ts";
import { type FromWorker, kinds, type NetworkDone, type ToWorker } from "./protocol.ts";

const BATCH = 32;
const pausing = new Pausing();

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type !== "train") pausing[data.type]();
  else
    train(data).catch((error: unknown) => {
      tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
    });
});

const tell = (message: FromWorker, transfer: Transferable[] = []): void => postMessage(message, { transfer });

async function train({
  count,
  epochs,
  seeds,
  settings,
}: Extract<ToWorker, { type: "train" }>): Promise<void> {
  await chooseBackend();
  const response = await fetch("images.bin");
  if (!response.ok) throw new Error(`the images cannot be read: ${response.status}`);
  const { train, test } = unpack(new Uint8Array(await response.arrayBuffer()));
  const used = {
    pixels: train.pixels.subarray(0, count * SIDE * SIDE),
    labels: train.labels.subarray(0, count),
  };
  const stepsPerEpoch = Math.floor(count / BATCH);
  const totalSteps = stepsPerEpoch * epochs;
  const plan = planPhases({ stepsPerEpoch, totalSteps }, { unit: "share", value: 0.75 });
  let done = 0;
  const onStep = () => {
    done++;
    if (done % 5 === 0) tell({ type: "step", done, total: seeds * kinds.length * totalSteps });
  };
  for (let seed = 0; seed < seeds; seed++)
    for (const kind of kinds) {
      const contender = new Contender(kind, network(seed), { ...settings, seed });
      await trainOne(contender, seed, { plan, epochs, train: used, test, onStep });
      await hand(contender, seed, test);
      contender.model.dispose();
    }
}

/** A graphics processor where there is a real one; else JavaScript, which is quicker than one made of software. */
async function chooseBackend(): Promise<void> {
  const context =
    typeof OffscreenCanvas === "undefined" ? null : new OffscreenCanvas(1, 1).getContext("webgl2");
  const details = context?.getExtension("WEBGL_debug_renderer_info");
  const renderer = details ? String(context?.getParameter(details.UNMASKED_RENDERER_WEBGL)) : "";
  const isReal = renderer !== "" && !/swiftshader|llvmpipe|software/i.test(renderer);
  if (!(isReal && (await tf.setBackend("webgl")))) await tf.setBackend("cpu");
}

/** A convolutional network of about 6,000 weights; the first ones follow from the seed. */
function network(seed: number): tf.LayersModel {
  const initializer = (layer: number) => tf.initializers.heNormal({ seed: 5 * seed + layer });
  const conv = (layer: number, filters: number, rest: object = {}) =>
    tf.layers.conv2d({
      filters,
      kernelSize: 3,
      strides: 2,
      padding: "same",
      useBias: false,
      kernelInitializer: initializer(layer),
      ...rest,
    });
  const model = tf.sequential({
    layers: [
      conv(1, 8, { inputShape: [SIDE, SIDE, 1] }),
      tf.layers.batchNormalization({ momentum: 0.9 }),
      tf.layers.reLU(),
      conv(2, 16),
      tf.layers.batchNormalization({ momentum: 0.9 }),
      tf.layers.reLU(),
      conv(3, 32),
      tf.layers.batchNormalization({ momentum: 0.9 }),
      tf.layers.reLU(),
      tf.layers.globalAveragePooling2d({}),
      tf.layers.dense({ units: classes, activation: "softmax", kernelInitializer: initializer(4) }),
    ],
  });
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: "categoricalCrossentropy" });
  return model;
}

interface Course {
  readonly plan: PhasePlan;
  readonly epochs: number;
  readonly train: Images;
  readonly test: Images;
  onStep(): void;
}

async function trainOne(contender: Contender, seed: number, course: Course): Promise<void> {
  const { plan, epochs, train, test } = course;
  const stepsPerEpoch = plan.totalSteps / epochs;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(train.labels.length, seed, epoch);
    let loss = 0;
    for (let batch = 0; batch < stepsPerEpoch; batch++) {
      const chosen = order.subarray(batch * BATCH, (batch + 1) * BATCH);
      const { xs, ys } = batchOf(train, chosen);
      loss += await contender.step(epoch * stepsPerEpoch + batch, plan, xs, ys);
      tf.dispose([xs, ys]);
      course.onStep();
      await pausing.turn();
    }
    const accuracy = accuracyOf(contender.model, test);
    tell({
      type: "epoch",
      seed,
      kind: contender.kind as "relu" | "pea",
      epoch: epoch + 1,
      loss: loss / stepsPerEpoch,
      accuracy,
      deployedAccuracy:
        contender.alpha === 1 ? accuracy : contender.deployed(() => accuracyOf(contender.model, test)),
      alpha: contender.alpha,
      phase: phaseAt((epoch + 1) * stepsPerEpoch - 1, plan),
      tensors: tf.memory().numTensors,
    });
  }
}

/** Hands over a network that has finished. */
async function hand(contender: Contender, seed: number, test: Images): Promise<void> {
  contender.finalize();
  const accuracy = accuracyOf(contender.model, test);
  const done = { type: "network", seed, kind: contender.kind as "relu" | "pea", accuracy } as const;
  if (done.kind === "relu") tell({ ...done, files: null });
  else await contender.model.save(tf.io.withSaveHandler(async (saved) => handFiles(done, saved)));
}

async function handFiles(
  done: Omit<NetworkDone, "files">,
  saved: tf.io.ModelArtifacts,
): Promise<tf.io.SaveResult> {
  const { modelTopology, weightSpecs, format, generatedBy, convertedBy } = saved;
  const manifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
  const json = JSON.stringify({ modelTopology, weightsManifest: manifest, format, generatedBy, convertedBy });
  const weights = tf.io.concatenateArrayBuffers([saved.weightData as ArrayBuffer]);
  tell({ ...done, files: { json, weights } }, [weights]);
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
}

function batchOf({ pixels, labels }: Images, chosen: Int32Array): { xs: tf.Tensor4D; ys: tf.Tensor } {
  const area = SIDE * SIDE;
  const values = new Float32Array(chosen.length * area);
  for (const [place, index] of chosen.entries())
    values.set(pixels.subarray(index * area, (index + 1) * area), place * area);
  const numbers = tf.tensor1d(
    chosen.map((index) => labels[index] as number),
    "int32",
  );
  const ys = tf.oneHot(numbers, classes);
  numbers.dispose();
  return { xs: tf.tensor4d(values, [chosen.length, SIDE, SIDE, 1]), ys };
}

function accuracyOf(model: tf.LayersModel, { pixels, labels }: Images): number {
  return tf.tidy(() => {
    const answers = model.predict(tf.tensor4d(pixels, [labels.length, SIDE, SIDE, 1]), { batchSize: 250 });
    const guesses = tf.argMax(answers as tf.Tensor, 1).dataSync();
    return labels.filter((label, i) => label === guesses[i]).length / labels.length;
  });
}

/** An order that follows from seed and epoch, the same for all networks of a seed. */
function shuffled(count: number, seed: number, epoch: number): Int32Array {
  return tf.tidy(() => {
    const keys = tf.randomUniform([count], 0, 1, "float32", 1000 * seed + epoch + 1).dataSync();
    return Int32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => (keys[a] as number) - (keys[b] as number),
    );
  });
}
