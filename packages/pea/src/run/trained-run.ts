/** The network that a run has trained, opened from its directory. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { cudaIsAvailable, type Module, setNumThreads } from "@pea/torch";
import { resumeCommand } from "../common/shown-command.ts";
import { countSamples } from "../data/parts/part.ts";
import { createMethods, type Methods } from "../methods/methods.ts";
import { type FilePlaces, loadRecipe, loadRecipeToShow } from "../recipe/load-recipe.ts";
import { methodsOf } from "../recipe/method-keys.ts";
import { settingsInForce } from "../recipe/older-runs.ts";
import { type Layer, type Recipe, resolveRecipe } from "../recipe/recipe.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { loadNetwork } from "./checkpoint.ts";
import { createNetwork } from "./create-network.ts";
import { requireCounts } from "./expected-data.ts";
import { modelFileCopy } from "./model-file-copy.ts";
import { disposeData, openTestData, type RecipeData, type TestData } from "./open-data.ts";
import { type RunRecord, readRecord } from "./parts-record.ts";
import { disposeRun, networkFacts, type OpenedRun, openRun, type PrepareOptions } from "./prepare-run.ts";
import { reasonForNoBest } from "./result.ts";
import { type NetworkFacts, openRunDirectory, type RunDirectory, readRunConfig } from "./run-directory.ts";

/** Models of a run: the best of the final phase, and the one after the last step so far. */
export type CheckpointName = "best" | "last";

/** Files of a run that hold weights: `last` is the whole checkpoint, `best` the weights alone. */
export function weightFiles({ checkpoints }: RunDirectory): Record<CheckpointName, string> {
  return {
    best: join(checkpoints, "best.safetensors"),
    last: join(checkpoints, "last.safetensors"),
  };
}

/** The recipe of a run, checked, under the circumstances of today. The module that it imports must have run. */
export function readRecipe(run: RunDirectory, today: Circumstances = {}): Recipe {
  return resolveRecipe(...layersOf(run, today));
}

/** The same after running the module that it imports. */
export async function openRecipe(run: RunDirectory, today: Circumstances = {}): Promise<Recipe> {
  return loadRecipe(layersOf(run, today), placesOf(run));
}

/** The same for who looks at the run alone: a module that is no longer there need not be, if it registers a network. */
export async function openRecipeToShow(run: RunDirectory, today: Circumstances = {}): Promise<Recipe> {
  return loadRecipeToShow(layersOf(run, today), placesOf(run));
}

/** A run has the file of its network with it. */
function placesOf(run: RunDirectory): FilePlaces {
  const { config, network } = readRunConfig(run);
  const copy = modelFileCopy(run, String(config.model));
  return existsSync(copy) ? { modelFile: copy, digests: network?.files } : {};
}

function layersOf(run: RunDirectory, today: Circumstances): Layer[] {
  return [
    { source: run.config, settings: settingsInForce(readRunConfig(run).config) },
    { source: "the options", settings: today },
  ];
}

/** The model asked for, or else the best where there is one and the last where not. */
function chooseCheckpoint(run: RunDirectory, wanted?: CheckpointName): CheckpointName {
  const files = weightFiles(run);
  const name = wanted ?? (existsSync(files.best) ? "best" : "last");
  if (!existsSync(files[name]))
    throw new PeaError(
      name === "best"
        ? `${run.path} has no best model: ${reasonForNoBest(run)}. Take the last (--checkpoint last)`
        : `${run.path} has no checkpoint: it ended before the first was written. Train it with: ${resumeCommand(run.path)}`,
      { kind: "usage" },
    );
  return name;
}

/** An opened run with trained weights, its methods at the step they are of. */
export interface TrainedRun extends OpenedRun {
  run: RunDirectory;
  recipe: Recipe;
  record: RunRecord;
  checkpoint: CheckpointName;
  /** Epochs begun, and weight updates done. */
  epoch: number;
  step: number;
}

/**
 * Opens a run with the weights of one of its models. `methods.deploy()` makes it the deployed network.
 *
 * @param options.checkpoint left out: the best model where there is one, else the last
 * @returns to be disposed of by `disposeRun`
 * @throws PeaError of kind usage when the folder holds no run, or the run not that model
 */
export async function openTrainedRun(
  path: string,
  {
    checkpoint,
    onOpening,
    ...today
  }: { checkpoint?: CheckpointName } & Pick<PrepareOptions, "onOpening"> & Circumstances = {},
): Promise<TrainedRun> {
  const run = openRunDirectory(path);
  const name = chooseCheckpoint(run, checkpoint);
  const recipe = await openRecipe(run, today);
  const record = readRecord(run);
  const opened = await openRun(recipe, { onOpening, record });
  try {
    const step = loadNetwork(weightFiles(run)[name], opened);
    return {
      ...opened,
      run,
      recipe,
      record,
      checkpoint: name,
      step,
      epoch: Math.ceil(step / opened.plan.stepsPerEpoch),
    };
  } catch (error) {
    disposeRun(opened);
    throw error;
  }
}

/** A run with trained weights, to be scored on parts of its data. */
export interface ScoredRun
  extends Pick<TrainedNetwork, "run" | "recipe" | "record" | "checkpoint" | "epoch" | "step"> {
  readonly model: Module;
  /** At that step. */
  readonly methods: Methods;
  readonly device: string;
  readonly totalSteps: number;
  readonly data: TestData & Partial<Pick<RecipeData, "train" | "validation" | "unlabelled">>;
}

/**
 * Opens a run with the weights of one of its models, and the part of its data that is to be scored: the test part alone
 * where that can be.
 *
 * @returns to be disposed of by `disposeRun`
 * @throws as `openTrainedRun`, and where there are not as many test images as the recipe expects
 */
export async function openScoredRun(
  path: string,
  part: "test" | "validation" | "unlabelled",
  options: { checkpoint?: CheckpointName } & Pick<PrepareOptions, "onOpening"> & Circumstances = {},
): Promise<ScoredRun> {
  const { onOpening, ...choice } = options;
  if (part !== "test" || readRunConfig(openRunDirectory(path)).network === undefined) {
    const { plan, ...trained } = await openTrainedRun(path, options);
    return { ...trained, device: trained.recipe.device, totalSteps: plan.totalSteps };
  }
  const trained = await openTrainedNetwork(path, choice);
  try {
    const { recipe, record, facts } = trained;
    if (recipe.threads > 0) setNumThreads(recipe.threads);
    const data = await openTestData(recipe, { onOpening, record });
    try {
      requireCounts({ test: countSamples(data.test) }, recipe);
      return { ...trained, data, totalSteps: facts.totalSteps };
    } catch (error) {
      disposeData(data);
      throw error;
    }
  } catch (error) {
    disposeRun(trained);
    throw error;
  }
}

/**
 * What a run says of its network: with the weights, all that is needed to build it.
 *
 * @throws PeaError of kind usage when the folder holds no run
 */
export async function readNetwork(
  path: string,
  today: Circumstances = {},
): Promise<{ run: RunDirectory; recipe: Recipe; facts: NetworkFacts }> {
  const run = openRunDirectory(path);
  const { network: facts } = readRunConfig(run);
  if (facts === undefined)
    throw new PeaError(`${run.config} lacks the section network: it was not written by pea train`);
  return { run, recipe: await openRecipe(run, today), facts };
}

/** The network of a run alone, in evaluation mode, without the data it was trained on. */
export interface TrainedNetwork {
  readonly run: RunDirectory;
  readonly recipe: Recipe;
  readonly facts: NetworkFacts;
  readonly record: RunRecord;
  readonly checkpoint: CheckpointName;
  /** Epochs begun, and weight updates done. */
  readonly epoch: number;
  readonly step: number;
  /** To be disposed of, as the methods. */
  readonly model: Module;
  /** At that step. */
  readonly methods: Methods;
  readonly device: string;
}

/**
 * Opens the network of a run as it trained at the step its weights are of; `methods.deploy()` makes it the deployed one. The
 * data need not be there, unless the run is of a version that did not write down what it knows of them.
 *
 * @param options.checkpoint left out: the best model where there is one, else the last
 * @throws PeaError of kind usage when the folder holds no run, or the run not that model
 */
export async function openTrainedNetwork(
  path: string,
  { checkpoint, ...today }: { checkpoint?: CheckpointName } & Circumstances = {},
): Promise<TrainedNetwork> {
  if (readRunConfig(openRunDirectory(path)).network === undefined)
    return openOlderNetwork(path, { checkpoint, ...today });
  const { run, recipe, facts } = await readNetwork(path, today);
  const name = chooseCheckpoint(run, checkpoint);
  const { inputShape, classes, stepsPerEpoch, totalSteps } = facts;
  const methods = await createMethods(methodsOf(recipe));
  const model = createNetwork(recipe, { inputShape, classes: classes.length });
  try {
    // Trained on a GPU, a network runs where there is none, too.
    const device = cudaIsAvailable() ? recipe.device : "cpu";
    model.to({ device, memoryFormat: "channels_last" });
    methods.fit({ model, totalSteps, stepsPerEpoch, seed: recipe.seed, inputShape });
    const step = loadNetwork(weightFiles(run)[name], { model, methods });
    model.eval();
    const epoch = Math.ceil(step / stepsPerEpoch);
    return {
      run,
      recipe,
      facts,
      record: readRecord(run),
      checkpoint: name,
      epoch,
      step,
      model,
      methods,
      device,
    };
  } catch (error) {
    methods.dispose();
    model.dispose();
    throw error;
  }
}

/** The same, of a run of which the data have to tell what it does not. */
async function openOlderNetwork(
  path: string,
  options: { checkpoint?: CheckpointName } & Circumstances,
): Promise<TrainedNetwork> {
  const trained = await openTrainedRun(path, options);
  const { run, recipe, record, checkpoint, epoch, step, model, methods } = trained;
  const facts = networkFacts(trained);
  disposeData(trained.data);
  model.eval();
  return { run, recipe, facts, record, checkpoint, epoch, step, model, methods, device: recipe.device };
}
