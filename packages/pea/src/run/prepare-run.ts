/** From a recipe to the things a run is made of. */
import { cudaIsAvailable, type Optimizer, setNumThreads } from "@pea/torch";
import { SettingError } from "../common/setting-error.ts";
import type { PartSizes } from "../data/parts/describe-parts.ts";
import { countSamples } from "../data/parts/part.ts";
import { datasetNamed } from "../data/sets/registry.ts";
import { parseImageSize } from "../images/image-size.ts";
import { classLabels } from "../images/label-table.ts";
import { FileNetwork } from "../import/network/model-file.ts";
import { createMethods } from "../methods/methods.ts";
import { methodsOf } from "../recipe/method-keys.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { createTask } from "../tasks/registry.ts";
import { type BuildOptions, type BuiltNetwork, buildNetwork, type DataShape } from "./build-network.ts";
import { createOptimizer } from "./create-optimizer.ts";
import { disposeData, type OpenDataOptions, openData, type RecipeData, type TestData } from "./open-data.ts";
import type { NetworkFacts } from "./run-directory.ts";

/** Data and network of a run. */
export interface OpenedRun extends BuiltNetwork {
  data: RecipeData;
}

/** Everything a run needs to be trained, at step 0. */
export interface PreparedRun extends OpenedRun {
  optimizer: Optimizer;
}

export interface PrepareOptions extends OpenDataOptions, BuildOptions {}

/**
 * Builds what a recipe describes: data, fresh weights from the recipe's seed, the methods fitted to the network.
 *
 * @returns to be disposed of by `disposeRun`
 * @throws PeaError of kind usage when the parts do not fit together
 */
export async function prepareRun(recipe: Recipe, options: PrepareOptions = {}): Promise<PreparedRun> {
  const opened = await openRun(recipe, options);
  return { ...opened, optimizer: createOptimizer(opened.model, recipe) };
}

/**
 * The same for those who do not train it.
 *
 * @returns to be disposed of by `disposeRun`
 * @throws as `prepareRun`
 */
export async function openRun(recipe: Recipe, options: PrepareOptions = {}): Promise<OpenedRun> {
  const { device } = recipe;
  if (device.startsWith("cuda") && !cudaIsAvailable())
    throw new SettingError(
      (name) =>
        `${name("device")} is ${device}, but this engine finds no GPU it can use; see \`pea doctor\`, or take ${name("device")} cpu`,
    );
  if (recipe.threads > 0) setNumThreads(recipe.threads);
  const methods = await createMethods(methodsOf(recipe));
  const data = await openData(recipe, options);
  try {
    if (recipe.diagnose && data.validation === null)
      throw new SettingError(
        (name) =>
          `${name("diagnose")} looks at validation images, but there are none; take a ${name("valFraction")} above 0`,
      );
    const shape = {
      ...data,
      trainImages: countSamples(data.train),
      stepsPerEpoch: options.record?.facts?.stepsPerEpoch,
    };
    return { data, ...(await buildNetwork(recipe, methods, shape, options)) };
  } catch (error) {
    disposeData(data);
    throw error;
  }
}

/** What the data made of a run, for those who open its network without them. */
export function networkFacts({ data, plan, model }: OpenedRun): NetworkFacts {
  const { inputShape, classes, labelTable, statistics } = data;
  const { stepsPerEpoch, totalSteps } = plan;
  const labels = labelTable && { labels: classLabels(labelTable) };
  const files = model instanceof FileNetwork && { files: Object.fromEntries(model.digests) };
  return { inputShape, classes, ...labels, ...files, statistics, stepsPerEpoch, totalSteps };
}

/**
 * The plan of a run for data of which the recipe says what they hold (`expected`), which need not be there. Parts that are
 * split off have their share exactly; drawn by name they have it on average.
 *
 * @throws PeaError of kind usage where it does not say so
 */
export async function prepareWithoutData(
  recipe: Recipe,
  options: BuildOptions = {},
): Promise<BuiltNetwork & { images: PartSizes }> {
  const { data, expected, limitTrain, valFraction, validateOn } = recipe;
  const size = parseImageSize(recipe.imageSize ?? "");
  if (expected === undefined || size === null)
    throw new SettingError(
      (name) =>
        `${name("data")} ${JSON.stringify(data)} needs ${name("dataDir")}, the folder its files lie in; without it a ` +
        "plan can be made of images of a size of the recipe's choice, where `expected` says how many there are",
    );
  const split = Math.round(valFraction * expected.train);
  const train = limitTrain <= 1 ? Math.round(limitTrain * (expected.train - split)) : limitTrain;
  const classes = Array.from({ length: expected.classes }, (_, index) => String(index));
  const shape: DataShape = {
    trainImages: train,
    inputShape: [3, size.height, size.width],
    classes,
    task: createTask(datasetNamed(data).task, classes),
  };
  const { test } = expected;
  const validation = validateOn === "test" ? test : limitTrain === 1 ? split : Math.min(split, train);
  return {
    images: { train, validation, test },
    ...(await buildNetwork(recipe, await createMethods(methodsOf(recipe)), shape, options)),
  };
}

/** Frees the memory of a run that is no longer needed: its data and its optimizer, where it has them, and its network. */
export function disposeRun({
  model,
  methods,
  data,
  optimizer,
}: Pick<BuiltNetwork, "model" | "methods"> & { data?: TestData; optimizer?: Optimizer }): void {
  if (data) disposeData(data);
  optimizer?.dispose();
  methods.dispose();
  model.dispose();
}
