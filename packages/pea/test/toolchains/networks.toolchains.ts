/** Exported files in the tools that they are for, by the steps of the READMEs beside them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  add,
  clone,
  keep,
  type Module,
  manualSeed,
  mul,
  narrow,
  noGrad,
  randn,
  scope,
  setNumThreads,
  type Tensor,
} from "@pea/torch";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { exportNetwork } from "../../src/export/export.ts";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { openSession } from "../../src/export/onnx/session.ts";
import { type Toolchain, toolchains } from "../../src/export/toolchains/toolchains.ts";
import { createModel } from "../../src/models/index.ts";
import { evaluationLoader } from "../../src/run/loaders.ts";
import { openTestData } from "../../src/run/open-data.ts";
import { openTrainedNetwork } from "../../src/run/trained-run.ts";
import { temporaryFolder } from "../support/tiny-data.ts";
import { trainMobilenet } from "../support/trained-mobilenet.ts";
import { followReadme } from "./steps.ts";

setNumThreads(1);
const imageCount = 32;

/**
 * How far answers may be from ONNX Runtime's, on average and at most, and for how many the class must be the same: of images,
 * or of pixels. Answers of another image are farther away on average.
 */
interface Bound {
  readonly mean: number;
  readonly largest: number;
  readonly sameClass: number;
}

interface Bounds {
  /** `step`: of the answers' integers; `spread`: how far the answers of two images are apart on average. */
  readonly unit: "step" | "spread";
  /** Whether ONNX Runtime computes floats between the pairs, as they are written; else integers, exact where it has them. */
  readonly asWritten?: boolean;
  /** Of networks whose answers are for whole images: all classes are the same. */
  readonly images: Omit<Bound, "sameClass">;
  /** Of ERFNet, whose 60 layers carry on what one rounds otherwise: a few pixels are far away. */
  readonly pixels: Bound;
}

/** Of floats between the pairs: of sums in another order one beside the middle of two steps goes either way. */
const betweenPairs: Bounds = {
  unit: "step",
  asWritten: true,
  images: { mean: 0.12, largest: 2 },
  pixels: { mean: 0.17, largest: 16, sameClass: 0.977 },
};

/** Twice the most that was measured (for ESP-PPQ and OpenVINO on ERFNet 1.3 times the mean), and in classes two hundredths less. */
const bounds: Readonly<Record<string, Bounds>> = {
  // Floats throughout: sums in another order.
  ncnn: {
    unit: "spread",
    images: { mean: 5e-6, largest: 2e-4 },
    pixels: { mean: 5e-6, largest: 2e-4, sameClass: 1 },
  },
  // It quantizes by itself: one scale, a power of two, for all weights of a layer.
  esp32: {
    unit: "spread",
    images: { mean: 0.25, largest: 1.7 },
    pixels: { mean: 0.6, largest: 26, sameClass: 0.918 },
  },
  tvm: betweenPairs,
  iree: betweenPairs,
  // Kernels of integers of their own.
  openvino: {
    unit: "step",
    images: { mean: 1.4, largest: 6 },
    pixels: { mean: 1.5, largest: 44, sameClass: 0.943 },
  },
  rknn: {
    unit: "step",
    images: { mean: 2, largest: 16 },
    pixels: { mean: 1.8, largest: 58, sameClass: 0.952 },
  },
};

/** A network, and images whose answers differ. */
interface Case {
  readonly model: Module;
  readonly images: Tensor;
}

const networks: Readonly<Record<string, () => Case | Promise<Case>>> = {
  "MobileNet, trained": trainedMobilenet,
  ERFNet: () => drawn("erfnet-segmentation-0.25", [3, 32, 64], { classes: 5, init: "torch-default" }),
  "ResNet-8": () => drawn("resnet8", [3, 32, 32]),
};

describe("answers are those of ONNX Runtime but for rounding", () => {
  for (const [name, make] of Object.entries(networks))
    describe(name, () => {
      let network: Case;
      before(async () => {
        network = await make();
      });
      after(() => network.model.dispose());
      for (const toolchain of toolchains.filter(({ apart }) => apart !== undefined))
        test(toolchain.title, async (context) => {
          const path = join(temporaryFolder(), toolchain.name);
          const { model, images } = network;
          const how = { target: toolchain.name, inputs: images, trainingImages: images };
          await exportNetwork(model, path, how);
          context.diagnostic(await assertSame(toolchain, path, images));
        });
    });
});

/** Without training a MobileNet gives much the same answer to all images. */
async function trainedMobilenet(): Promise<Case> {
  const runDirectory = temporaryFolder();
  await trainMobilenet(runDirectory, "mobilenet-0.25-small");
  const trained = await openTrainedNetwork(runDirectory, {});
  trained.methods.deploy();
  const data = await openTestData(trained.recipe, { record: trained.record });
  for await (const { images } of evaluationLoader(data.test, data, "cpu").batches())
    return { model: trained.model, images: keep(clone(narrow(images, 0, 0, imageCount))) };
  throw new Error("there is no image");
}

/** With weights that are drawn, and the statistics of images whose colours differ. */
function drawn(name: string, shape: readonly number[], settings: object = {}): Case {
  manualSeed(1);
  const model = createModel(name, { inputChannels: shape[0], ...settings });
  for (let step = 0; step < 40; step++) scope(() => noGrad(() => void model.forward(coloured(8, shape))));
  model.eval();
  return { model, images: coloured(imageCount, shape) };
}

function coloured(count: number, [channels = 0, ...sizes]: readonly number[]): Tensor {
  return scope(() => add(randn([count, channels, ...sizes]), mul(randn([count, channels, 1, 1]), 2)));
}

/** Follows the README, and says how far its answers are from ONNX Runtime's. */
async function assertSame(toolchain: Toolchain, path: string, images: Tensor): Promise<string> {
  const { name, form, packages } = toolchain;
  const { unit: per, asWritten, images: ofImages, pixels: ofPixels } = bounds[name] as Bounds;
  const file = join(path, form === "onnx" ? "model.onnx" : "model-int8.onnx");
  const pixels = images.toTypedArray() as Float32Array;
  const needsTorch = packages.some((wanted) => wanted.startsWith("torch"));
  const actual = followReadme(path, pixels, images.shape.slice(1), needsTorch ? "torch" : "other");
  const { values: expected, shape } = await inRuntime(file, pixels, images.shape, asWritten);
  const bound = shape.length > 2 ? ofPixels : { ...ofImages, sameClass: 1 };
  assert.equal(actual.length, expected.length);
  const spread = difference(...neighbours(expected)).mean;
  const unit = per === "step" ? await stepOf(file) : spread;
  assert.ok(spread > 1.5 * bound.mean * unit, `answers do not tell images apart: ${spread / unit} ${per}s`);
  const { mean, largest } = difference(actual, expected);
  const found = {
    mean: mean / unit,
    largest: largest / unit,
    sameClass: sameClasses(actual, expected, shape),
  };
  assert.ok(found.mean <= bound.mean && found.largest <= bound.largest, JSON.stringify(found));
  assert.ok(found.sameClass >= bound.sameClass, JSON.stringify(found));
  return `in ${per}s, of which two images are ${spread / unit} apart: ${JSON.stringify(found)}`;
}

async function inRuntime(file: string, pixels: Float32Array, shape: readonly number[], asWritten = false) {
  if (asWritten) return runAsWritten(file, pixels, shape);
  const session = await openSession(file, { threads: 1 });
  return session.run(pixels, shape).finally(() => session.release());
}

/** Node by node, as they stand in the file. */
async function runAsWritten(file: string, pixels: Float32Array, shape: readonly number[]) {
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
  });
  const { logits } = await session.run({ input: new RuntimeTensor("float32", pixels, shape) });
  await session.release();
  return { shape: logits?.dims ?? [], values: logits?.data as Float32Array };
}

/** What one integer of the answers stands for. */
async function stepOf(file: string): Promise<number> {
  const { constants } = (await readOnnx(file)).graph;
  return constants.get("logits/scale")?.data[0] as number;
}

/** NaN where an answer is. */
function difference(a: Float32Array, b: Float32Array): { mean: number; largest: number } {
  const all = a.map((value, i) => Math.abs(value - (b[i] as number)));
  return {
    mean: all.reduce((sum, each) => sum + each, 0) / all.length,
    largest: all.reduce((x, y) => Math.max(x, y)),
  };
}

/** The answers but for those of the first image, and those but for the last one's. */
function neighbours(answers: Float32Array): [Float32Array, Float32Array] {
  const size = answers.length / imageCount;
  return [answers.subarray(size), answers.subarray(0, -size)];
}

/** The share of images, or of pixels, for which the greatest answer is of the same class. */
function sameClasses(a: Float32Array, b: Float32Array, [images = 0, classes = 0]: readonly number[]): number {
  const places = a.length / images / classes;
  const classOf = (answers: Float32Array, place: number): number => {
    const first = Math.floor(place / places) * classes * places + (place % places);
    const scores = Array.from({ length: classes }, (_, i) => answers[first + i * places] as number);
    return scores.indexOf(Math.max(...scores));
  };
  const all = Array.from({ length: images * places }, (_, place) => classOf(a, place) === classOf(b, place));
  return all.filter(Boolean).length / all.length;
}
