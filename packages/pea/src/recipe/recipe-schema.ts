/**
 * The keys of a recipe: type, default and description (`help`, and what `allowed` values are), which the flags, `--help`
 * and the error messages are made from.
 *
 * @module
 */
import { z } from "zod";
import { boundOfReLU } from "../common/relu-name.ts";
import {
  choice,
  countFrom,
  DURATION,
  described,
  duration,
  durationSchema,
  numberFrom,
  share,
  toggle,
  toTheLetter,
} from "../common/settings.ts";
import { builtIn } from "../data/sets/built-in.ts";
import {
  type DatasetDescriptor,
  DEFAULT_IMAGE_SIZE,
  isCropped,
  isInFiles,
} from "../data/sets/dataset-descriptor.ts";
import { findDataset, listDatasets } from "../data/sets/registry.ts";
import { splitKinds } from "../data/sources/part-names.ts";
import { parseImageSize } from "../images/image-size.ts";
import { cropNames, evaluationCropNames } from "../images/transforms/crop.ts";
import { learningRateShapes } from "./lr-schedule.ts";
import { methodKeys } from "./method-keys.ts";

const isImageSize = (value: string): boolean => parseImageSize(value) !== null;

/** The names of the data sets of this package that something holds for. */
const namesOf = (holds: (dataset: DatasetDescriptor) => unknown): string =>
  builtIn
    .filter(holds)
    .map(({ name }) => name)
    .join(", ");
const inFiles = namesOf(isInFiles);
const cropped = namesOf(isCropped);

/** The data sets known by now, as activations are. */
const datasetNames = (): string =>
  listDatasets()
    .map(({ name }) => name)
    .join(", ");

const defaultFolders = builtIn.flatMap(({ name, defaultFolder }) =>
  defaultFolder ? [`for ${name} ${defaultFolder.path}`] : [],
);
const ownImageSizes = builtIn.flatMap(({ name, imageSize }) =>
  imageSize ? [`for ${name} ${imageSize}`] : [],
);

const sgdForms = ["pytorch", "keras"] as const;

const l2Schema = z
  .strictObject({
    coef: described(z.number().min(0).optional(), {
      help: "weight decay (default: as in the paper, 4e-5 for MobileNet and 1e-4 for other networks)",
      allowed: "a number of at least 0",
      value: "X",
    }),
    form: toTheLetter(
      choice(
        ["keras", "half"],
        "keras",
        "penalty coef·Σw² as Keras (gradient 2·coef·w), or half of it as PyTorch",
      ),
    ),
    parameters: toTheLetter(
      choice(
        ["kernels", "all"],
        "kernels",
        "what decays: kernels but depthwise ones and the last layer's bias, or all parameters as in ERFNet's code",
      ),
    ),
  })
  .prefault({});

const beta = z.number().min(0).lt(1);
const moments = {
  betas: described(z.tuple([beta, beta]).default([0.9, 0.999]), {
    help: "decay of the means of the gradient and of its square",
    allowed: "two numbers from 0 up to but not 1",
    value: "X,X",
  }),
  eps: numberFrom(0, 1e-8, "added to the root of the mean square"),
};
/** Of Adam and AdamW. */
export const adamSchema = z.strictObject(moments);
export const radamSchema = z.strictObject({
  ...moments,
  decay: toTheLetter(
    choice(
      ["l2", "decoupled"],
      "l2",
      "weight decay as a penalty, or taken off the weights (l2-form half only)",
    ),
  ),
  rhoThreshold: toTheLetter(
    described(z.union([z.literal(4), z.literal(5)]).default(5), {
      help: "ρ above which a step is rectified: 5 as PyTorch, 4 as the paper of RAdam",
      allowed: "4 or 5",
      value: "N",
    }),
  ),
  unrectified: toTheLetter(
    choice(["momentum", "skip"], "momentum", "what the steps before do: go by the momentum, or nothing"),
  ),
});

const expectedSchema = z.strictObject({
  train: described(z.int().min(1), {
    help: "number of training images the data must hold; without data, --dry-run plans with it",
    allowed: "a whole number of at least 1",
    value: "N",
  }),
  test: described(z.int().min(1), {
    help: "number of test images the data must hold",
    allowed: "a whole number of at least 1",
    value: "N",
  }),
  classes: described(z.int().min(1), {
    help: "number of classes the data must have",
    allowed: "a whole number of at least 1",
    value: "N",
  }),
});

/** Keys that hold keys. */
export const groups = {
  expected: expectedSchema,
  adam: adamSchema,
  radam: radamSchema,
  l2: l2Schema.unwrap(),
} as const satisfies Record<string, z.ZodObject>;
/** The keys within a key, where it holds some. */
export const groupShape = (key: string): Record<string, z.ZodType> | undefined =>
  Object.hasOwn(groups, key) ? groups[key as keyof typeof groups].shape : undefined;

const importedFile = z.string().min(1);

export const recipeSchema = z.strictObject({
  model: described(z.string().min(1).default("mobilenet-0.25-small"), {
    help: "network, see `pea models`, or an ONNX file that holds one",
    allowed: "a name `pea models` lists, or an ONNX file",
    value: "NAME|FILE",
  }),
  import: described(z.union([importedFile, z.array(importedFile).min(1)]).optional(), {
    help: "module (.js, .ts) that registers networks, activations, data sets, tasks or methods of your own, in a recipe by its path from the recipe's file; may be given several times, in a recipe as a list",
    allowed: "a file, or a list of files",
    value: "FILE",
  }),
  modelOptions: described(
    z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.array(z.number())])).optional(),
    {
      help: "options of the network, e.g. dropout=0.1,padding=same",
      allowed: "options and their values: numbers, words, true or false, lists of numbers",
      value: "NAME=VALUE,…",
    },
  ),
  fresh: described(z.boolean().optional(), {
    help: "draw all weights of an ONNX file's network anew, rather than go on with those of the file",
    allowed: "true or false",
  }),
  addBatchNorm: described(z.boolean().optional(), {
    help: "put batch norm behind the convolutions of an ONNX file's network that have none, so that they compute at first what they did",
    allowed: "true or false",
  }),
  modelOutput: described(z.string().min(1).optional(), {
    help: "which output of an ONNX file is meant, where it has several, or the value behind which it is cut off",
    allowed: "the name of an output or of another value that a node computes",
    value: "NAME",
  }),
  modelDigest: described(
    z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    {
      help: "SHA-256 that the ONNX file must have (default: that of the file there is)",
      allowed: "64 hexadecimal digits",
      value: "SHA256",
    },
  ),
  relu: described(
    z
      .string()
      .refine((name) => boundOfReLU(name) !== null)
      .default("relu"),
    {
      help: "ReLU of the network, which is left in the end: relu, relu6, or cut off at another number, e.g. relu4",
      allowed: '"relu", or cut off at a number above 0, as "relu6"',
      value: "NAME",
    },
  ),
  initialCheckpoint: described(z.string().min(1).optional(), {
    help: "safetensors file of weights to begin with: a PyTorch state dict or another run's; the head is drawn anew for other classes",
    allowed: "a file",
    value: "FILE",
  }),
  data: described(
    z
      .string()
      .refine((name) => findDataset(name) !== null)
      .default("fashion-mnist"),
    {
      help: `data set, or format of your own: ${datasetNames()}`,
      get allowed() {
        return `${datasetNames()}, or one that an imported module registers`;
      },
      value: "NAME",
    },
  ),
  dataDir: described(z.string().min(1).optional(), {
    help: `folder of the data set's files (default ${defaultFolders.join(", ")})`,
    allowed: "a folder",
    value: "DIR",
  }),
  labelBase: described(z.union([z.literal(0), z.literal(1)]).optional(), {
    help: `label of the first class in ${namesOf(({ hasLabelBase }) => hasLabelBase)}: 0, 1 (default: 1 for the feature image/class/label of TFRecords, 0 for others)`,
    allowed: "0 or 1",
    value: "N",
  }),
  imageSize: described(z.union([z.int().min(1), z.string().refine(isImageSize)]).optional(), {
    help: `size that images of ${inFiles} are scaled to: side of a square, or height and width (default: ${[DEFAULT_IMAGE_SIZE, ...ownImageSizes].join(", ")})`,
    allowed: 'a whole number of at least 1, or height and width such as "256x512"',
    value: "N|HxW",
  }),
  trainCrop: described(z.enum(cropNames).optional(), {
    help: `part of a training image of ${cropped} that is taken: ${cropNames.join(", ")} (default: distorted, as the paper's code)`,
    allowed: cropNames.join(", "),
    value: "NAME",
  }),
  evalCrop: described(z.union([z.enum(evaluationCropNames), z.int().min(1)]).optional(), {
    help:
      `part of an image of ${cropped} that evaluation, predict and the exported file look at: central ` +
      "(the square of 7/8 of the shorter side), whole, or N, the middle once the shorter side is scaled to N pixels " +
      "(default: whole with trainCrop whole, else central)",
    allowed: "central, whole, or a whole number of at least the image's size",
    value: "NAME|N",
  }),
  exifOrientation: toggle(true, "turn images as their EXIF orientation says"),
  onMissingShard: choice(
    ["fail", "skip"],
    "fail",
    `what to do where files of a numbered set (${namesOf(({ hasShards }) => hasShards)}) are missing`,
  ),
  onBadSample: choice(["fail", "skip"], "fail", "what to do at an image that cannot be read"),
  expected: expectedSchema.optional(),
  limitTrain: described(z.number().positive().default(1), {
    help: "train on a part of the training data only: a share up to 1, or a number of images above 1",
    allowed: "a share up to 1, or a whole number of images above 1",
    value: "X",
  }),
  valFraction: share(
    0.1,
    "share of the training data kept for choosing the best model; 0: the last model is the result",
  ),
  validateOn: choice(
    ["split", "test"],
    "split",
    "images that choose the best model: a split of the training data or the test images, which flatters as in the paper",
  ),
  splitBy: described(z.enum(splitKinds).optional(), {
    help: `what decides on the part of an image of ${inFiles}: its name, so that others that come or go move none, or its position among all (default: name)`,
    allowed: splitKinds.join(", "),
    value: "NAME",
  }),
  ...methodKeys,
  epochs: countFrom(1, 10, "passes over the training data"),
  batchSize: countFrom(1, 256, "images per step; an incomplete last batch is left out"),
  microBatch: countFrom(
    0,
    0,
    "images per forward pass, to save memory: gradients add up to those of the batch; 0: the whole batch",
  ),
  syncBatchNorm: toggle(
    false,
    "normalize by mean and variance of the whole batch where several processes train, not by those of each one's share",
  ),
  lr: numberFrom(0, 0.2, "peak learning rate"),
  lrSchedule: choice(
    learningRateShapes,
    "cosine",
    "course of the learning rate after the warm-up, which is the rise of onecycle",
  ),
  lrSteps: described(z.array(durationSchema).default(["25%", "50%", "67%"]), {
    help: "where --lr-schedule step falls, separated by commas",
    allowed: `a list of durations: ${DURATION}`,
    value: "DURATIONS",
  }),
  lrGamma: described(z.number().positive().max(1).default(0.1), {
    help: "factor of each fall of --lr-schedule step",
    allowed: "a number above 0 and up to 1",
    value: "X",
  }),
  lrBoundary: toTheLetter(
    choice(
      ["inclusive", "strict"],
      "inclusive",
      "learning rate at the step where --lr-schedule step falls: still the old one as in Keras, or the new one",
    ),
  ),
  lrCycle: duration("25%", "length of the first cycle of --lr-schedule restarts"),
  lrCycleGrowth: numberFrom(
    1,
    1,
    "how much longer each cycle of --lr-schedule restarts is than the one before",
  ),
  warmup: duration(
    "4%",
    "linear rise of the learning rate from 0; of onecycle by half a cosine (default there: 30%)",
  ),
  optimizer: choice(
    ["sgd", "adam", "adamw", "radam"],
    "sgd",
    "optimizer; lr is then that of SGD, or about 0.001",
  ),
  momentum: described(z.number().min(0).lt(1).optional(), {
    help: "momentum of SGD (default: 0.9)",
    allowed: "a number from 0 up to but not 1",
    value: "X",
  }),
  nesterov: described(z.boolean().optional(), { help: "use Nesterov's momentum", allowed: "true or false" }),
  sgdForm: toTheLetter(
    described(z.enum(sgdForms).optional(), {
      help: `learning rate outside of SGD's momentum as in PyTorch, or inside of it as in Keras: ${sgdForms.join(", ")} (default: pytorch)`,
      allowed: sgdForms.join(", "),
      value: "NAME",
    }),
  ),
  adam: adamSchema.optional(),
  radam: radamSchema.optional(),
  l2: l2Schema,
  clipGradNorm: numberFrom(0, 0, "largest Euclidean norm of all gradients together; 0: any"),
  labelSmoothing: share(0, "label smoothing of the training loss"),
  flip: toggle(true, "mirror training images at random"),
  cropPadding: countFrom(
    0,
    0,
    "pad training images by N pixels and crop at random; 0 leaves them as they are",
  ),
  seed: countFrom(0, 0, "seed of weights, order, augmentation and masks"),
  selectFrom: duration(
    "0st",
    "earliest point of the run whose model may be the best one; gives a baseline the same choice as a PEA run",
  ),
  scoreTest: choice(
    ["end", "epochs"],
    "end",
    "when to score the test part: after the last step, or also after each epoch whose model may be the best one",
  ),
  batchNormReestimate: countFrom(
    0,
    0,
    "training batches that batch norm's statistics are computed anew from before each evaluation; 0: the running ones",
  ),
  amp: choice(["none", "bf16"], "none", "mixed precision of the forward pass"),
  device: described(
    z
      .string()
      .regex(/^(cpu|cuda(:\d+)?)$/)
      .default("cpu"),
    {
      help: "where to train",
      allowed: 'cpu, cuda or a numbered one such as "cuda:0"',
      value: "NAME",
    },
  ),
  threads: countFrom(0, 0, "threads of the engine; 0 leaves its own choice"),
  diagnose: toggle(
    false,
    "record statistics of activations, batch norms and gradients in diagnostics.jsonl, beside each line of metrics",
  ),
  logEverySteps: countFrom(1, 50, "steps between two lines of training metrics"),
  checkpointEverySteps: countFrom(
    0,
    0,
    "steps between two checkpoints within an epoch; 0: at the end of epochs only",
  ),
});
