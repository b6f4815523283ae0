/** A network on which every method acts, a run of three steps, and settings with which each does so in it. */
import { join } from "node:path";
import {
  AdaptiveAvgPool2d,
  BatchNormAct2d,
  Conv2d,
  Flatten,
  Linear,
  Module,
  ReLU,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { registerModel } from "../../src/models/index.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { train } from "../../src/train/train.ts";
import { temporaryFolder, writeTinyData } from "./tiny-data.ts";

/** A convolution, and one with a way past it. */
class PairNetwork extends Module {
  readonly conv1 = new Conv2d(1, 4, 5, { stride: 5, bias: false });
  readonly bn1: BatchNormAct2d = new BatchNormAct2d(4, { activation: () => this.relu1 });
  relu1: Module = new ReLU();
  readonly conv2 = new Conv2d(4, 4, 3, { padding: 1, bias: false });
  readonly bn2: BatchNormAct2d = new BatchNormAct2d(4, { activation: () => this.relu2 });
  relu2: Module = new ReLU();
  readonly head = new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 10));

  override forward(images: Tensor): Tensor {
    const x = this.bn1.forward(this.conv1.forward(images));
    return this.head.forward(this.bn2.forward(this.conv2.forward(x), x));
  }
}

registerModel({
  name: "pair-network",
  description: "the least network with batch norm, two sites and a residual",
  inputShape: [1, 28, 28],
  classes: 10,
  create: () => new PairNetwork(),
});

/** 8 training images, all in each of 3 steps, an epoch each, of which PEA's final phase has the last. */
export const pairRecipe: RecipeInput = {
  model: "pair-network",
  dataDir: writeTinyData({ train: 8, test: 8 }),
  valFraction: 0,
  epochs: 3,
  batchSize: 8,
  lr: 0.05,
  threads: 1,
};

/** A run's folder, for distillation. */
export async function trainTeacher(): Promise<string> {
  const { runDirectory } = await train(
    { ...pairRecipe, epochs: 1 },
    { runDirectory: join(temporaryFolder(), "teacher") },
  );
  return runDirectory;
}

/** By the names of methods: what makes them act within three steps, and settings that have no default. */
const settings = (teacher: string): Readonly<Record<string, unknown>> => ({
  pea: { variant: "SM67%", initial: "1st" },
  activation: "mish",
  swap: { activation: "gelu", at: "2st" },
  "lambda-gelu": { end: "67%", initial: "1st" },
  quantize: {},
  "random-erasing": 1,
  "stochastic-depth": 0.5,
  distillation: { teacher },
  lookahead: 2,
  swa: { start: "1st", every: "1st", reestimate: 1 },
});

/** A method with other settings than its usual ones, which take other ways through the code. */
export interface OtherSettings {
  name: string;
  /** What is other, in words. */
  title: string;
  settings: Record<string, unknown>;
  /** What else the recipe has for them. */
  recipe?: Partial<RecipeInput>;
  /** A method that they leave no step for. */
  excludes?: string;
}

/** @param teacher a run's folder with its exported network, for distillation */
export const otherSettings = (teacher: string): readonly OtherSettings[] => [
  {
    name: "pea",
    title: "β learned, masks of sites, ensembles of their own",
    settings: {
      ...{ variant: "SS67%", initial: "1st", beta: "learned", masks: "layer" },
      sites: { relu2: { ensemble: "weighted", smooth: "gelu" } },
    },
  },
  {
    name: "pea",
    title: "α learned, searching, masks of channels, to ReLU6",
    settings: {
      ...{ variant: "SM92%", initial: "1st", siteAlpha: "learned", search: true },
      ...{ masks: "channel", lrSmooth: 0.1 },
    },
    // Every tenth step measures: of twelve two, one of them in the transition.
    recipe: { batchSize: 2, relu: "relu6" },
  },
  {
    name: "swap",
    title: "after the last step",
    settings: { activation: "swish", at: "100%" },
    excludes: "quantize",
  },
  {
    name: "quantize",
    title: "ranges learned, statistics frozen",
    settings: { ranges: "learned", batchNorm: "frozen" },
  },
  {
    name: "distillation",
    title: "an ONNX file, without labels",
    settings: { teacher: join(teacher, "model.onnx"), weight: 1 },
  },
];

/** A method as a recipe has it. */
export function methodInRecipe(name: string, teacher: string): string | Record<string, unknown> {
  const all = settings(teacher);
  return name in all ? { [name]: all[name] } : name;
}
