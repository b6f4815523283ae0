import { existsSync } from "node:fs";
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import { GroupError, GroupTimeout } from "@pea/torch";
import { kebab } from "../common/kebab.ts";
import { resumeCommand } from "../common/shown-command.ts";
import { exitCodeOf, onStopSignals, type StopSignal, stopSignals } from "../common/stop-signals.ts";
import { listSkippedParts, UnreadableImagesError } from "../data/loading/unreadable-images.ts";
import { describeParts } from "../data/parts/describe-parts.ts";
import { datasetNamed } from "../data/sets/registry.ts";
import { connectRanks, USUAL_TIMEOUT } from "../distributed/connect-ranks.ts";
import { endSoon, endWithLauncher, isByLauncher, launch, tellLauncher } from "../distributed/launch.ts";
import { isLaunched, isRestarted, type Launched, launchedAs } from "../distributed/launched.ts";
import { alone, isFirstLeft, type Ranks } from "../distributed/ranks.ts";
import { requireEvenShares } from "../distributed/share.ts";
import { exportObstacleOf } from "../export/export-obstacle.ts";
import { inspectForTarget, requireTaken } from "../export/inspect-target.ts";
import { lastingWord, loadTarget } from "../export/load-target.ts";
import { isIntegerTarget, type Target } from "../export/target.ts";
import { targetNamed } from "../export/targets.ts";
import { loadRecipe } from "../recipe/load-recipe.ts";
import { isIdleKey, smoothIn } from "../recipe/method-keys.ts";
import { mergeSettings, type Recipe, settledSettings, show } from "../recipe/recipe.ts";
import { readRecipeFile } from "../recipe/recipe-file.ts";
import { recipeFlags, settingAt } from "../recipe/recipe-flags.ts";
import { type Circumstance, type Circumstances, circumstances, isSame } from "../recipe/recipe-identity.ts";
import { trainCommand } from "../report/command.ts";
import type { BuildOptions } from "../run/build-network.ts";
import { joints } from "../run/plan.ts";
import { disposeRun, type OpenedRun, openRun, prepareWithoutData } from "../run/prepare-run.ts";
import type { TrainResult } from "../run/result.ts";
import { openRunDirectory, readRunConfig, requireFree, runDirectory } from "../run/run-directory.ts";
import { openRecipe, weightFiles } from "../run/trained-run.ts";
import { describeMainScore } from "../tasks/task.ts";
import { countImages, describeData } from "../terminal/describe-data.ts";
import { describeError, exitCodeOfError } from "../terminal/errors.ts";
import {
  type CommonOptions,
  formatTable,
  log,
  mebibytes,
  openingReporter,
  printResult,
} from "../terminal/output.ts";
import { createProgress, type Progress } from "../terminal/progress.ts";
import { formatSeconds } from "../terminal/time-left.ts";
import { isOutOfMemory, peakOfTraining } from "../train/peak-memory.ts";
import { recipeForTarget } from "../train/recipe-for-target.ts";
import { resumeTraining, train, type Watch } from "../train/train.ts";
import { TrainingDiverged, TrainingInterrupted } from "../train/trainer.ts";
import { describePlacement } from "./inspect-target.ts";
import { namedByOptions } from "./option-names.ts";

/** What commander hands over: the command's own flags, and those of the recipe by camelCase of the flag. */
interface TrainFlags extends CommonOptions, Record<string, unknown> {
  config?: string;
  run?: string;
  overwrite?: boolean;
  resume?: string;
  allowChangedData?: boolean;
  dryRun?: boolean;
  target?: string;
  processes?: number;
  timeout?: number;
}

/**
 * `pea train`.
 *
 * @param words the command line, for the processes that are to run it
 * @returns exit code 0, or 130, 143 or 129 when a signal stopped the run
 */
export async function runTrain(flags: TrainFlags, words: readonly string[]): Promise<number> {
  const launched = launchedAs(process.env);
  const { processes = launched?.size ?? 1 } = flags;
  if (launched !== null && processes !== launched.size)
    throw usage(
      `--processes is ${processes}, but this is one of ${launched.size} processes that were started together; leave it out`,
    );
  // Here once, before each of those that are started says the same.
  if (launched === null && processes > 1)
    requireEvenShares(
      (await recipeOf(flags)).batchSize,
      { size: processes },
      { goesOn: flags.resume !== undefined },
    );
  if (flags.dryRun) return trainAs(alone, flags);
  if (flags.timeout !== undefined && processes === 1 && !isLaunched(process.env))
    throw usage(
      `--timeout is ${flags.timeout}, but one process has none to wait for; leave it out, or start several with --processes`,
    );
  if (launched !== null) return trainAsRank(launched, flags, words);
  if (processes > 1) return launchTraining(processes, words);
  return trainAs(alone, flags, isRestarted(process.env));
}

function launchTraining(count: number, words: readonly string[]): Promise<number> {
  return launch(count, [process.argv[1] as string, ...words], {
    log,
    onSignal: onStopSignals,
  });
}

/** As one of several processes, of which the first speaks; the others have errors alone to tell, by their launcher where they can. */
async function trainAsRank(launched: Launched, flags: TrainFlags, words: readonly string[]): Promise<number> {
  endWithLauncher();
  const { timeout = USUAL_TIMEOUT } = flags;
  let ranks: Ranks | undefined;
  try {
    ranks = await connectRanks(launched, { timeout, onWaiting: log });
    const code = await trainAs(ranks, flags, isRestarted(process.env));
    await ranks.close();
    return code;
  } catch (error) {
    const failed = namedByOptions(error as Error, words);
    if (failed instanceof GroupTimeout)
      reword(failed, `${failed.message}; where they need longer, give more than --timeout ${timeout}`);
    const reason = failed.message;
    await ranks?.fail(reason);
    endSoon();
    if (launched.rank > 0) reword(failed, `rank ${launched.rank}: ${reason}`);
    if (!isByLauncher()) throw failed;
    // With their stacks others tell what this one names them for.
    const lost = failed instanceof GroupError && !flags.debug ? failed.lost : [];
    await tellLauncher({ reason, lost, line: describeError(failed, flags) });
    if (launched.rank === 0) throw failed;
    return exitCodeOfError(failed);
  }
}

/** Another message, in its stack, too. */
function reword(error: Error, message: string): void {
  error.stack = error.stack?.replace(error.message, () => message);
  error.message = message;
}

/** @param goesOn whether the processes have been started again: the run goes on where it is */
async function trainAs(ranks: Ranks, flags: TrainFlags, goesOn = false): Promise<number> {
  const settings = settingsOf(flags);
  const { resume } = flags;
  if (resume !== undefined) {
    const today = await circumstancesOf(resume, flags, settings);
    const { allowChangedData } = flags;
    const { target, config } = readRunConfig(openRunDirectory(resume));
    const onNetwork =
      target === undefined || ranks.rank > 0
        ? undefined
        : checkFor(targetNamed(await loadTarget(target)), smoothIn(config));
    return trainUntilStopped(flags, ranks, (options) =>
      resumeTraining(resume, {
        ...options,
        ...today,
        onNetwork,
        allowChangedData,
      }),
    );
  }
  if (flags.allowChangedData)
    throw usage("--allow-changed-data is for a run that has begun: give it with --resume, or leave it out");
  const recipe = await recipeOf(flags);
  // A module of the recipe's may register it.
  const form = flags.target === undefined ? undefined : targetNamed(await loadTarget(flags.target));
  const onNetwork = ranks.rank > 0 ? undefined : checkFor(form, smoothIn(recipe));
  const { run, overwrite } = flags;
  if (flags.dryRun) {
    if (run !== undefined) requireFree(run, { overwrite });
    await printPlan(flags, form === undefined ? recipe : recipeForTarget(recipe, form), onNetwork);
    return 0;
  }
  const target = flags.target === undefined ? undefined : lastingWord(flags.target);
  return trainUntilStopped(flags, ranks, (options) =>
    train(recipe, { ...options, runDirectory: run, overwrite, target, onNetwork, isRestarted: goesOn }),
  );
}

async function trainUntilStopped(
  flags: TrainFlags,
  ranks: Ranks,
  work: (options: Watch) => Promise<TrainResult>,
): Promise<number> {
  let progress: Progress | undefined;
  let folder: string | undefined;
  const speaks = ranks.rank === 0;
  const stop = stopSignals(
    (name) => speaks && log(`\n${name}: finishing this step; once more ends at once`),
    { isLed: isLaunched(process.env) },
  );
  const onParts: Watch["onParts"] = (parts) => {
    log(`${countImages(parts)} of ${parts.classes.length} classes`);
    for (const line of describeData(parts)) log(line);
  };
  const onBegin: Watch["onBegin"] = (path) => {
    folder = path;
  };
  const observe: Watch["observe"] = (plan, firstStep, path) => {
    log(firstStep === 0 ? `run: ${path}` : `run: ${path}, from step ${firstStep}`);
    progress = createProgress(plan, process.stderr, firstStep);
    return progress;
  };
  try {
    const result = await work({
      signal: stop.signal,
      ranks,
      onBegin,
      ...(speaks && {
        onOpening: openingReporter(),
        onParts,
        onInitialWeights: (remarks) => remarks.forEach(log),
        onNote: log,
        observe,
      }),
    });
    progress?.stop();
    if (speaks) printResult(flags, result, () => describeResult(result));
    return 0;
  } catch (error) {
    progress?.stop();
    if (!(error instanceof TrainingInterrupted)) {
      if (isFirstLeft(ranks.rank, error)) sayHowToGoOn(error, folder, ranks);
      throw error;
    }
    const code = exitCodeOf(error.reason as StopSignal);
    if (!speaks) return code;
    log(`${error.message}; go on with: ${goOnCommand(folder as string, ranks)}`);
    if (flags.json)
      printResult(flags, { interrupted: error.reason, step: error.step, runDirectory: folder }, () => "");
    return code;
  } finally {
    stop.dispose();
  }
}

/**
 * What is asked of the network before it is trained: hours of training might end in one that cannot be deployed. For a target
 * it is refused then, else a note says so. Of a chip it is told what falls to its processor, and what the network costs there.
 *
 * @param smooth the activation that ReLU is compared with; null for none
 */
function checkFor(
  target: Target | undefined,
  smooth: string | null = null,
): NonNullable<BuildOptions["onNetwork"]> {
  if (target === undefined) return tellObstacle;
  return async (graph, upperLimit) => {
    if (upperLimit !== null)
      throw new PeaError(
        `nothing would be left for ${target.title}: ${upperLimit}; leave --target out, or the activation`,
        {
          kind: "usage",
        },
      );
    const remarks = requireTaken(graph, target);
    log(`${target.title} takes this network`);
    remarks.forEach(log);
    if (!isIntegerTarget(target) || target.place === undefined) return;
    const compared = smooth === null ? [] : [smooth];
    const { placement } = await inspectForTarget(graph, target.name, { compared });
    if (placement !== undefined) describePlacement(placement).forEach(log);
  };
}

function tellObstacle(graph: Graph): void {
  const obstacle = exportObstacleOf(graph);
  if (obstacle !== null) log(`note: pea export cannot write this network: ${obstacle}`);
}

/** With as many processes; other launchers than this one say that themselves. */
const goOnCommand = (path: string, { size }: Ranks): string =>
  resumeCommand(path) + (isByLauncher() ? ` --processes ${size}` : "");

/** What to do with the run that failed, where it has come so far that it can go on. */
function sayHowToGoOn(error: unknown, path: string | undefined, ranks: Ranks): void {
  if (path === undefined || error instanceof TrainingDiverged) return;
  // Other ranks than the first may be on a machine that does not have it.
  if (!existsSync(weightFiles(runDirectory(path)).last)) return;
  const resume = goOnCommand(path, ranks);
  log(`the last checkpoint stands; once the cause is mended, go on with: ${resume}`);
  if (error instanceof UnreadableImagesError)
    log(`or without the images that cannot be read: ${resume} --on-bad-sample skip`);
}

/**
 * That of the flags, or of the run that they go on with.
 *
 * @throws PeaError of kind usage, also for flags of PEA's settings in a run without it; in files they wait for variants with PEA
 */
async function recipeOf(flags: TrainFlags): Promise<Recipe> {
  const { config, resume } = flags;
  const settings: Record<string, unknown> & Circumstances = settingsOf(flags);
  if (resume !== undefined) return openRecipe(openRunDirectory(resume), { import: settings.import });
  const recipe = await loadRecipe([
    ...(config === undefined ? [] : readRecipeFile(config)),
    { source: "the flags", settings },
  ]);
  const idle = recipeFlags().find(
    // What is switched off does nothing anyway.
    ({ path }) =>
      ![undefined, false].includes(settingAt(settings, path) as undefined | false) &&
      isIdleKey(path[0] as string, recipe),
  );
  if (idle !== undefined)
    throw usage(
      `--${idle.name} is ${show(settingAt(settings, idle.path))}, but does nothing where pea is "none"; leave --${idle.name} out` +
        (recipe.activation === "relu" ? ", or give --pea a variant's code, such as SM75%" : ""),
    );
  return recipe;
}

/** The settings that flags give, nested as in a recipe. */
function settingsOf(flags: TrainFlags): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const { name, path, parse } of recipeFlags()) {
    const given = flags[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (given === undefined) continue;
    const value = typeof given === "string" ? parse(given) : given;
    const [key = "", inner] = path;
    settings[key] =
      inner === undefined ? value : { ...(settings[key] as object | undefined), [inner]: value };
  }
  return settings;
}

/**
 * The settings that a run goes on with. It goes on as it began; where and how it is computed may differ.
 *
 * @throws PeaError of kind usage for others than the run's own
 */
async function circumstancesOf(
  path: string,
  flags: TrainFlags,
  settings: Record<string, unknown> & Circumstances,
): Promise<Circumstances> {
  const other = (["config", "run", "overwrite", "dryRun", "target"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (other !== undefined)
    throw usage(`--resume goes on with the recipe of ${path}; leave --${kebab(other)} out`);
  const run = openRunDirectory(path);
  const recipe = await openRecipe(run, { import: settings.import });
  const isFree = (key = "") => circumstances.includes(key as Circumstance);
  const settled = settledSettings(settings);
  const changed = recipeFlags().find(({ path: keys }) => {
    const given = settingAt(settled, keys);
    return given !== undefined && !isFree(keys[0]) && !isSame(given, settingAt(recipe, keys));
  });
  if (changed === undefined)
    return Object.fromEntries(Object.entries(settings).filter(([key]) => isFree(key)));
  const [given, own] = [settled, recipe].map((of) => show(settingAt(of, changed.path)));
  // Methods with keys of their own may have been given in the list.
  const flag = settingAt(settings, changed.path) === undefined ? "methods" : changed.name;
  const { last } = weightFiles(run);
  const begun = existsSync(last) ? { initialCheckpoint: last } : {};
  const layers = [recipe, settled, begun].map((of) => ({ source: "the flags", settings: of }));
  const command = trainCommand(mergeSettings(layers));
  throw usage(
    `--resume goes on with the recipe of ${path}: ${changed.path.join(".")} stays ${own}. Leave --${flag} out; or ` +
      `for ${given} begin a new run, with --initial-checkpoint from the weights of this one` +
      (command === null ? "" : `: ${command}`),
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });

/** What would be trained, and how α and the learning rate move; `measure` does some steps to see what memory they take. */
async function withPlan(
  recipe: Recipe,
  onNetwork: BuildOptions["onNetwork"],
  use: (plan: PlanDocument, measure: (() => Promise<number>) | null) => Promise<void>,
): Promise<void> {
  const counted = recipe.dataDir !== undefined || datasetNamed(recipe.data).defaultFolder !== undefined;
  const prepared = counted
    ? await openRun(recipe, { onOpening: openingReporter(), onNetwork })
    : await prepareWithoutData(recipe, { onNetwork });
  try {
    // Of a GPU's memory the process knows nothing.
    const isMeasured = "data" in prepared && recipe.device === "cpu";
    await use(
      documentOf(recipe, prepared, counted),
      isMeasured ? () => peakOfTraining(recipe, prepared) : null,
    );
  } finally {
    disposeRun(prepared);
  }
}

type PlanDocument = ReturnType<typeof documentOf>;

/** @param counted whether the images were counted, or are as many as the recipe expects */
function documentOf(
  recipe: Recipe,
  prepared: OpenedRun | Awaited<ReturnType<typeof prepareWithoutData>>,
  counted: boolean,
) {
  const { plan, methods, info } = prepared;
  return {
    recipe,
    methods: methods.titles,
    ...("data" in prepared ? describeParts(prepared.data) : { images: prepared.images }),
    counted,
    parameters: info.parameters,
    macs: info.macs,
    sites: info.sites,
    epochs: plan.epochs,
    stepsPerEpoch: plan.stepsPerEpoch,
    steps: plan.totalSteps,
    phases: methods.phases.map((phase) => ({ ...phase, steps: phase.endStep - phase.firstStep })),
    joints: joints(plan, methods),
  };
}

/** `--dry-run`. */
async function printPlan(
  flags: TrainFlags,
  recipe: Recipe,
  onNetwork: BuildOptions["onNetwork"],
): Promise<void> {
  await withPlan(recipe, onNetwork, async (document, measure) => {
    // Before what may not fit into memory.
    if (!flags.json) process.stdout.write(`${planText(recipe, document)}\n\n`);
    const peakMemory = measure && (await memoryOfSteps(measure));
    if (flags.json) printResult(flags, { ...document, peakMemory }, () => "");
    else if (peakMemory !== null)
      process.stdout.write(
        `memory: ${mebibytes(peakMemory)} at most, in steps of ${recipe.batchSize} images in one process\n`,
      );
  });
}

/** null where they do not fit. */
async function memoryOfSteps(measure: () => Promise<number>): Promise<number | null> {
  log("doing some steps to see what memory they take");
  return measure().catch((error: unknown) => {
    if (!isOutOfMemory(error)) throw error;
    log(`they do not fit into memory; lower batchSize, or set microBatch: ${(error as Error).message}`);
    return null;
  });
}

function planText(recipe: Recipe, document: PlanDocument): string {
  const { images } = document;
  const limited = recipe.limitTrain === 1 ? "" : ` (limitTrain ${recipe.limitTrain})`;
  const scalars = Object.keys(document.joints[0]?.scalars ?? {});
  return [
    `${recipe.model}: ${document.parameters} parameters, ${document.macs} MACs, ${document.sites} activation sites`,
    `${recipe.data}: ${images.train} training${limited}, ${images.validation} validation, ${images.test} test images` +
      ("classes" in document ? "" : " (as the recipe expects; none was opened)"),
    ...("classes" in document ? describeData(document) : []),
    `${document.epochs} epochs of ${document.stepsPerEpoch} steps: ${document.steps} steps`,
    "",
    formatTable(
      ["phase", "from step", "steps"],
      document.phases.map(({ name, firstStep, steps }) => [name, firstStep, steps]),
    ),
    "",
    formatTable(
      ["step", "epoch", "phase", "learning rate", ...scalars],
      document.joints.map((joint) => [
        joint.step,
        joint.epoch,
        joint.phase,
        Number(joint.learningRate.toPrecision(6)),
        ...scalars.map((name) => Number((joint.scalars[name] ?? Number.NaN).toPrecision(6))),
      ]),
    ),
  ].join("\n");
}

function describeResult({ runDirectory, last, best, whyNoBest, skipped, seconds }: TrainResult): string {
  const lines = [
    `trained in ${formatSeconds(seconds)}`,
    `last model   epoch ${last.epoch}  test ${describeMainScore(last.test)}`,
  ];
  if (best)
    lines.push(
      `best model   epoch ${best.epoch}  test ${describeMainScore(best.test)}  ` +
        `(validation ${best.validationScore.toFixed(2)} %)`,
    );
  else lines.push(`best model   none: ${whyNoBest}`);
  return [...lines, ...listSkippedParts(skipped), `run: ${runDirectory}`].join("\n");
}
