/** A training run from recipe to result, with its directory. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { getRngState, setRngState, writeFileAtomically } from "@pea/torch";
import { counted } from "../common/counted.ts";
import { makeDirectory } from "../common/make-directory.ts";
import { sha256Of } from "../common/sha256.ts";
import type { StopRequest } from "../common/stop-request.ts";
import type { ImageCheck } from "../data/loading/image-check.ts";
import { UnreadableImagesError } from "../data/loading/unreadable-images.ts";
import { describeParts, type PartsDescription } from "../data/parts/describe-parts.ts";
import { KnownParts } from "../data/parts/known-parts.ts";
import {
  continuedParts,
  describeChanges,
  isTrainingChanged,
  isUnchanged,
  type PartChanges,
} from "../data/parts/part-changes.ts";
import { Diagnosis } from "../diagnose/diagnosis.ts";
import { alone, type Ranks } from "../distributed/ranks.ts";
import { loadTarget } from "../export/load-target.ts";
import { targetNamed } from "../export/targets.ts";
import { FileNetwork } from "../import/network/model-file.ts";
import type { OtherNetwork } from "../methods/method.ts";
import type { openForeignNetwork } from "../predict/foreign-network.ts";
import { loadRecipe } from "../recipe/load-recipe.ts";
import type { Recipe, RecipeInput } from "../recipe/recipe.ts";
import {
  type Circumstances,
  circumstances,
  formerHashes,
  isSame,
  recipeHash,
} from "../recipe/recipe-identity.ts";
import { settleIdleNorms } from "../run/batch-norm-statistics.ts";
import { type ChangedDataOptions, refuseTrainedOn, tellChanges } from "../run/changed-data.ts";
import { createNetwork } from "../run/create-network.ts";
import { loadInitialWeights } from "../run/initial-weights.ts";
import { evaluationLoader, trainingLoader } from "../run/loaders.ts";
import { copyModelFile } from "../run/model-file-copy.ts";
import type { RecipeData } from "../run/open-data.ts";
import { readRecord, writeParts } from "../run/parts-record.ts";
import type { TrainingPlan } from "../run/plan.ts";
import {
  disposeRun,
  networkFacts,
  type PreparedRun,
  type PrepareOptions,
  prepareRun,
} from "../run/prepare-run.ts";
import type { TrainResult } from "../run/result.ts";
import {
  changeRunConfig,
  createRunDirectory,
  currentEnvironment,
  openRunDirectory,
  type RunDirectory,
  requireFree,
  runDirectory,
  writeRunConfig,
} from "../run/run-directory.ts";
import { lockRun, type RunLock } from "../run/run-lock.ts";
import { remarkOnActivation } from "../run/run-of-weights.ts";
import { openRecipe, readRecipe, weightFiles } from "../run/trained-run.ts";
import type { TrainingObserver } from "../run/training-observer.ts";
import { checkOfImages, type Loaders, nameAll } from "./check-images.ts";
import { beginTogether, requireOneRun, requireSameImages } from "./one-run.ts";
import { recipeForTarget } from "./recipe-for-target.ts";
import { Recorder } from "./recorder.ts";
import { freeName, lastOfName, runName } from "./run-name.ts";
import { resultOf } from "./run-result.ts";
import { Trainer } from "./trainer.ts";

/** Who is told of a run, and who stops it. */
export interface Watch extends Pick<PrepareOptions, "onOpening"> {
  /** Told what the parts of the data hold, before the first step. */
  onParts?: (parts: PartsDescription) => void;
  /** Told of the weights that the recipe begins with, line by line: where they come from, and what is not from there. */
  onInitialWeights?: (remarks: readonly string[]) => void;
  /** Stops the run between two steps, after writing a checkpoint. */
  signal?: StopRequest;
  /**
   * The processes that train this run together, each of which calls the same; left out: this one alone. Rank 0 writes the
   * run's folder and has the result, the others null.
   */
  ranks?: Ranks;
  /** Told, in a line each, what is otherwise than one might expect. */
  onNote?: (note: string) => void;
  /** Told on each rank, right before its first step, the run's folder. */
  onBegin?: (runDirectory: string) => void;
  /** Watches the run; called once the plan stands and the run's first step is known. */
  observe?: (plan: TrainingPlan, firstStep: number, runDirectory: string) => TrainingObserver;
}

export interface TrainOptions extends Watch, Pick<PrepareOptions, "onNetwork"> {
  /** Folder of the run; left out: a new one in `runs`, named after the recipe. */
  runDirectory?: string;
  /** Delete the run that is already in the folder. */
  overwrite?: boolean;
  /**
   * Whether processes that were ended have been started once more: where the folder holds this run, or without a folder the
   * last one of its name, the run goes on.
   */
  isRestarted?: boolean;
  /**
   * The form of export that it is trained for, noted in its `config.yaml`: methods round numbers as it wants them, and `onNetwork`
   * may ask whether it takes the network.
   */
  target?: string;
}

/**
 * Trains a network from its first step to its last. One run at a time in a process: runs draw from the engine's one
 * random generator.
 *
 * @example
 * const { best } = await train({ pea: "SM75%", epochs: 10 });
 *
 * @throws PeaError of kind usage for a wrong recipe, missing data or a folder in use; TrainingInterrupted when stopped by `signal`
 */
export async function train(recipe: RecipeInput, options: TrainOptions = {}): Promise<TrainResult> {
  const given = await loadRecipe([{ source: "the recipe", settings: recipe }]);
  const { ranks = alone, target } = options;
  const resolved =
    target === undefined ? given : recipeForTarget(given, targetNamed(await loadTarget(target)));
  await requireOneRun(ranks, { recipe: resolved, goesOn: false, folder: options.runDirectory });
  const begun = options.isRestarted ? await begunRun(resolved, options.runDirectory, ranks) : null;
  if (begun !== null) {
    const { signal, observe, onBegin, onOpening, onParts, onInitialWeights, onNetwork, onNote } = options;
    const watch = { signal, observe, onBegin, onOpening, onParts, onInitialWeights, onNetwork, onNote };
    return resumeTraining(begun, { ...watch, ranks });
  }
  // Before the data are opened, which may take long.
  if (ranks.rank === 0 && options.runDirectory !== undefined) requireFree(options.runDirectory, options);
  // The others learn here of a folder that is not free.
  await ranks.gather(null);
  const prepared = await prepareRun(resolved, {
    ...options,
    beginWith: weightsToBeginWith(resolved, options),
  });
  try {
    await requireSameImages(ranks, prepared.data);
    await beginMethods(prepared);
    const [path] = (await ranks.gather(
      options.runDirectory ?? freeName(join("runs", runName(resolved))),
    )) as [string];
    // Nothing is written by the others, which the folder's names are enough for.
    if (ranks.rank > 0) return await execute(runDirectory(path), resolved, prepared, heldByFirst, options);
    makeDirectory(path);
    const parts = new KnownParts(prepared.data.identify());
    return await whileLocked(path, ranks, (lock) => {
      const run = createRunDirectory(path, { overwrite: options.overwrite });
      writeRunConfig(run, {
        config: resolved,
        network: networkFacts(prepared),
        target,
        environment: currentEnvironment(),
      });
      copyModelFile(run, resolved.model);
      writeParts(run, parts);
      return execute(run, resolved, prepared, lock, options);
    });
  } finally {
    disposeRun(prepared);
  }
}

/** The folder of the run of a recipe that has begun and not ended, as rank 0 sees it; null where there is none. */
async function begunRun(recipe: Recipe, path: string | undefined, ranks: Ranks): Promise<string | null> {
  const known = path ?? lastOfName(join("runs", runName(recipe)));
  const run = runDirectory(known);
  const isBegun =
    existsSync(run.config) && !existsSync(run.result) && recipeHash(readRecipe(run)) === recipeHash(recipe);
  const [found] = await ranks.gather(isBegun ? known : null);
  return found ?? null;
}

/** How a run is gone on with. */
export interface ResumeOptions
  extends Watch,
    ChangedDataOptions,
    Circumstances,
    Pick<PrepareOptions, "onNetwork"> {}

/**
 * Goes on with a run that was stopped or killed, from its last checkpoint, with the same weights and metrics as if it
 * had never stopped. Where and how it is computed may differ from then on, not what is trained: what does is noted in the
 * run's config.yaml. Other threads or another device change sums in their last bits.
 *
 * Where images have been added, removed or moved since it began it goes on with what there is, by the plan that it began
 * with. Those that it was trained on never come into a part that is split off by name.
 *
 * @throws PeaError of kind usage when the folder holds no run or another process trains in it; where images of its
 *   validation or test part were trained on, unless that is allowed
 */
export async function resumeTraining(
  path: string,
  {
    signal,
    observe,
    onBegin,
    onOpening,
    onParts,
    onInitialWeights,
    onNetwork,
    allowChangedData,
    onNote,
    ranks = alone,
    ...today
  }: ResumeOptions = {},
): Promise<TrainResult> {
  const run = openRunDirectory(path);
  return whileLocked(path, ranks, async (lock) => {
    const recipe = await openRecipe(run, today);
    await requireOneRun(ranks, { recipe, goesOn: true, folder: path });
    const record = readRecord(run);
    // A run killed before its first checkpoint begins anew.
    const isAtStart = !existsSync(weightFiles(run).last);
    const beginWith = isAtStart ? weightsToBeginWith(recipe, { onInitialWeights }) : undefined;
    const prepared = await prepareRun(recipe, { onOpening, onNetwork, record, beginWith });
    try {
      await requireSameImages(ranks, prepared.data);
      const changes = tellChanges(path, record, prepared.data, { onNote });
      if (changes && !allowChangedData)
        for (const part of ["validation", "test"] as const)
          refuseTrainedOn(path, changes, prepared.data, part);
      const changed = record.parts && changes && noteworthy(record.parts, changes, prepared.data);
      if (changes && isTrainingChanged(changes))
        onNote?.(`${path} goes on by the plan that it began with, but not bit for bit as with those data`);
      await beginMethods(prepared);
      const watch = { signal, observe, onBegin, onParts, onNote, ranks };
      return await execute(run, recipe, prepared, lock, watch, { isAtStart, changed });
    } finally {
      disposeRun(prepared);
    }
  });
}

/** Loads the weights that the recipe names, if it does, and tells of them and of the network's file. */
function weightsToBeginWith(
  recipe: Recipe,
  { onInitialWeights }: Pick<Watch, "onInitialWeights">,
): PrepareOptions["beginWith"] {
  return (model, { inputShape: [channels, height, width], classes }) => {
    if (model instanceof FileNetwork) onInitialWeights?.(model.remarks);
    if (recipe.initialCheckpoint === undefined) return;
    const remarks = loadInitialWeights(recipe.initialCheckpoint, model, {
      name: recipe.model,
      build: (more) =>
        createNetwork(recipe, {
          inputShape: [channels + (more === "channel" ? 1 : 0), height, width],
          classes: classes.length + (more === "class" ? 1 : 0),
        }),
    });
    const remark = remarkOnActivation(recipe.initialCheckpoint, recipe);
    onInitialWeights?.(remark === null ? remarks : [...remarks, remark]);
  };
}

async function whileLocked<T>(
  directory: string,
  { rank }: Ranks,
  work: (lock: RunLock) => Promise<T>,
): Promise<T> {
  const lock = rank === 0 ? lockRun(directory) : heldByFirst;
  try {
    return await work(lock);
  } finally {
    lock.release();
  }
}

/** Of the other ranks: rank 0 has it for all. */
const heldByFirst: RunLock = { requireHeld() {}, release() {} };

/** Where a run stands that is gone on with. */
interface Standing {
  /** Whether it has no checkpoint. */
  isAtStart: boolean;
  changed: ChangedData | null;
}

async function execute(
  run: RunDirectory,
  recipe: Recipe,
  prepared: PreparedRun,
  lock: RunLock,
  { signal, observe, onBegin, onParts, onNote, ranks = alone }: TrainOptions,
  // Of a run that begins nothing is asked of its folder: rank 0 may be about to empty it.
  { isAtStart, changed }: Standing = { isAtStart: true, changed: null },
): Promise<TrainResult> {
  const { data, plan, model, methods, optimizer } = prepared;
  onParts?.(describeParts(data));
  let observer: TrainingObserver | undefined;
  data.onSkip = (sample) => observer?.onSkip?.(sample);
  const files = weightFiles(run);
  const loaders = openLoaders(prepared, recipe, ranks);
  const { train: batches, validation, test } = loaders;
  const trainer = new Trainer({
    model,
    methods,
    optimizer,
    plan,
    task: data.task,
    batches,
    validation,
    test: recipe.scoreTest === "epochs" ? test : null,
    settings: recipe,
    files,
    recipeHash: recipeHash(recipe),
    formerHashes: formerHashes(recipe),
    ranks,
  });
  let recorder: Recorder | undefined;
  let diagnosis: Diagnosis | undefined;
  let check: ImageCheck | undefined;
  try {
    if (isAtStart) await settleIdleNorms(model, batches);
    else tellOfRanks(run, trainer.resume(), { onNote, ranks });
    const whySlower = await ranks.useDevice(recipe.device);
    if (whySlower !== null) onNote?.(whySlower);
    await beginTogether(ranks, model, trainer.step);
    check = checkOfImages(loaders, {
      plan,
      firstStep: trainer.step,
      onBadSample: data.onBadSample,
      place: ranks,
    });
    if (ranks.rank > 0) {
      onBegin?.(run.path);
      await trainer.run(signal, check);
      return await resultOf(run, recipe, prepared, trainer, loaders, ranks);
    }
    noteCircumstances(run, recipe, trainer.step, changed);
    trainer.observe({ onCheckpoint: () => lock.requireHeld() });
    recorder = new Recorder(run, trainer.step);
    trainer.observe(recorder);
    if (recipe.diagnose && data.validation) {
      diagnosis = await Diagnosis.open({
        model,
        methods,
        task: data.task,
        // Of all ranks' images, of which the other loader tells those that are left out.
        validation: evaluationLoader(data.validation, { ...data, onSkip: undefined }, recipe.device),
        path: run.diagnostics,
        resumedAt: trainer.step,
      });
      trainer.observe(diagnosis);
    }
    onBegin?.(run.path);
    observer = observe?.(plan, trainer.step, run.path);
    if (observer) trainer.observe(observer);
    await trainer.run(signal, check);
    const result = await resultOf(run, recipe, prepared, trainer, loaders, ranks);
    lock.requireHeld();
    writeFileAtomically(run.result, [Buffer.from(`${JSON.stringify(result, null, 2)}\n`)]);
    return result;
  } catch (error) {
    throw check && error instanceof UnreadableImagesError ? await nameAll(error, check, ranks) : error;
  } finally {
    diagnosis?.close();
    recorder?.close();
    trainer.dispose();
  }
}

/** Gives the methods what they need before the first step, which may not be there: before anything is written. */
export function beginMethods({ data, methods }: Pick<PreparedRun, "data" | "methods">): Promise<void> {
  const { statistics, classes, inputShape } = data;
  const own = { statistics, classes, inputShape };
  return methods.begin({ ...own, openNetwork: (source) => openOtherNetwork(source, own) });
}

/** Whoever asks another network leaves the engine's generator as it was. */
async function openOtherNetwork(
  source: string,
  own: Parameters<typeof openForeignNetwork>[2],
): Promise<OtherNetwork> {
  const { isForeignFile, openPredictor } = await import("../predict/predictor.ts");
  if (isForeignFile(source)) {
    const { openForeignNetwork } = await import("../predict/foreign-network.ts");
    return openForeignNetwork(source, digestOf(source), own);
  }
  using state = getRngState();
  const network = await openPredictor(source);
  setRngState(state);
  return { ...network, digest: digestOf(network.file) };
}

const digestOf = (path: string): string => sha256Of(readFileSync(path));

/** Another number of ranks than trained until now, in words. */
function tellOfRanks(
  { path }: RunDirectory,
  before: number,
  { onNote, ranks: { size } }: Pick<ResumeOptions, "onNote" | "ranks"> & { ranks: Ranks },
): void {
  if (before === size) return;
  onNote?.(
    `${path} goes on with ${counted(size, "process", "processes")} where it had ${before}: with the same batches, in other parts, so that masks, ` +
      "what layers draw and batch norm are not bit for bit as with those",
  );
}

function openLoaders({ data, plan, methods }: PreparedRun, recipe: Recipe, ranks: Ranks): Loaders {
  const place = ranks.size > 1 ? ranks : undefined;
  const train = trainingLoader(data, recipe, { ...plan, changes: methods.imageChanges }, place);
  const test = evaluationLoader(data.test, data, recipe.device, place);
  if (data.validation === data.test) return { train, validation: test, test };
  return {
    train,
    validation: data.validation && evaluationLoader(data.validation, data, recipe.device, place),
    test,
  };
}

/** Data that are not those of before. */
interface ChangedData {
  /** What is other, in words. */
  changes: string;
  /** What the run keeps on record from now on. */
  parts: KnownParts;
}

function noteworthy(known: KnownParts, changes: PartChanges, data: RecipeData): ChangedData | null {
  if (isUnchanged(changes)) return null;
  return { changes: describeChanges(changes), parts: continuedParts(known, data.identify()) };
}

/** What is not as the run's files have it stands there from now on. */
function noteCircumstances(
  run: RunDirectory,
  recipe: Recipe,
  step: number,
  changedData: ChangedData | null,
): void {
  const before = readRecipe(run);
  const changed = circumstances.filter((key) => !isSame(recipe[key], before[key]));
  if (changedData !== null) writeParts(run, changedData.parts);
  if (changed.length === 0 && changedData === null) return;
  const settings = Object.fromEntries(changed.map((key) => [key, recipe[key]]));
  changeRunConfig(run, { step, settings, data: changedData?.changes });
}
