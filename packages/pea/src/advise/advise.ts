/**
 * From a recipe and a time to advice: a pilot of short runs chooses among ways to train, by the validation part, and
 * compares the one chosen with ReLU on new seeds, by the test part.
 *
 * @module
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { meanOf } from "../common/mean.ts";
import type { Comparison } from "../compare/compare.ts";
import type { Timing } from "../compare/timings.ts";
import { countSamples } from "../data/parts/part.ts";
import { titleOf } from "../methods/chosen-method.ts";
import { baselineName } from "../methods/variant-name.ts";
import { loadRecipe } from "../recipe/load-recipe.ts";
import { type Layer, mergeSettings, type Recipe } from "../recipe/recipe.ts";
import { readRecipeFile } from "../recipe/recipe-file.ts";
import { decisiveSettings } from "../recipe/recipe-identity.ts";
import { disposeData, openData } from "../run/open-data.ts";
import { compareGroups } from "../study/comparison-files.ts";
import { type Cell, describeCell, gridOf } from "../study/grid.ts";
import { Ledger } from "../study/ledger.ts";
import { type FailedRun, runStudy, type StudyObserver } from "../study/run-study.ts";
import { type NamedSettings, planOf, type Study } from "../study/study-file.ts";
import { StudyFolders } from "../study/study-folders.ts";
import { formatSeconds } from "../terminal/time-left.ts";
import { candidatesFor, ownChoice, turningPoint } from "./candidates.ts";
import { lockFolders } from "./lock-folders.ts";
import { costsOf, type FullRun, type PilotLength, planPilot, type RunCosts } from "./pilot.ts";
import { PilotState } from "./pilot-state.ts";
import {
  bestChange,
  betterHalf,
  confirmingSeeds,
  countRuns,
  newRuns,
  pairs,
  ROUNDS,
  type Standing,
  seedsOf,
  standings,
} from "./rounds.ts";

/** A study as its runs are watched. */
export interface Stage {
  readonly grid: readonly Cell[];
  readonly ledger: Ledger;
  readonly jobs: number;
}

export interface AdviseOptions {
  /** The recipe, in YAML. */
  readonly recipeFile: string;
  /** For all calls with this output together. */
  readonly seconds: number;
  /** Folder of the results. */
  readonly output: string;
  /** Folder of the runs. */
  readonly runs: string;
  /** Stops the pilot; the next call goes on. */
  readonly signal: AbortSignal;
  readonly onNote: (note: string) => void;
  /** Watches the runs of a stage until it is stopped. */
  readonly watch: (stage: Stage) => StudyObserver & { stop(): void };
  /** Trains a study. */
  readonly train?: typeof runStudy;
}

/** What a pilot says. */
export interface Advice {
  /** Of its runs. */
  readonly length: PilotLength;
  readonly full: PilotLength;
  /** Of the choice. */
  readonly rounds: number;
  /** The candidates by their last round, those that came furthest first. */
  readonly candidates: readonly Standing[];
  /** The best of them beside ReLU. */
  readonly best: NamedSettings;
  /** Of the best with ReLU, by the models after the last step on the test part; null where there was no time for it. */
  readonly comparison: Comparison | null;
  /** Pairs of runs that the comparison was to have; it has fewer where the time was up. */
  readonly pairs: number;
  /** What to train with: the best where it is shown to be above ReLU, else ReLU. */
  readonly choice: NamedSettings;
  readonly seconds: number;
}

/** The time was up, or somebody stopped it, before there was any advice. */
export interface Unfinished {
  readonly unfinished: "time" | "signal";
}

/** Milliseconds that a timer can wait, nearly 25 days. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** The images that one run is timed on, in batches. */
const TIMED_BATCHES = 20;

/**
 * Runs a pilot, or goes on with it.
 *
 * @throws PeaError (usage) for a recipe that has no validation part, for a time that is too short, and where
 *   another process runs a pilot with this output or these runs; PeaError naming runs that failed
 */
export async function advise(options: AdviseOptions): Promise<Advice | Unfinished> {
  const layers = readRecipeFile(options.recipeFile);
  const recipe = await loadRecipe(layers);
  const candidates = candidatesFor(recipe);
  for (const method of ownChoice(recipe))
    options.onNote(
      `${titleOf(method)} of ${options.recipeFile} is left out: advice is to say what to take in its place`,
    );
  const full = await fullRun(recipe);
  // Whose runs another pilot moves away would not end, and what was decided by the clock would be of two.
  const locks = lockFolders([options.output, options.runs]);
  try {
    return await runPilot(options, { recipe, layers, candidates, full });
  } finally {
    locks.release();
  }
}

/** What a pilot is about. */
interface Subject {
  readonly recipe: Recipe;
  readonly layers: readonly Layer[];
  readonly candidates: readonly NamedSettings[];
  readonly full: FullRun;
}

async function runPilot(
  options: AdviseOptions,
  { recipe, layers, candidates, full }: Subject,
): Promise<Advice | Unfinished> {
  const state = PilotState.open(options.output, decisiveSettings(recipe));
  const left = () => Math.max(0, options.seconds - state.seconds);
  const time = AbortSignal.timeout(Math.min(Math.ceil(left() * 1000), LONGEST_WAIT));
  const stop = AbortSignal.any([options.signal, time]);
  const pilot = new Pilot(
    { ...options, stop, left },
    { model: recipe.model, settings: mergeSettings(layers) },
    state,
  );
  try {
    if (state.length === undefined) {
      const costs = await pilot.measure(full, candidates);
      const time = { time: options.seconds, spent: state.seconds };
      state.save({ length: planPilot(costs, full, { runs: countRuns(candidates.length), ...time }) });
    }
    const length = state.length as PilotLength;
    const standing = await pilot.choose(candidates, length);
    const best = named(candidates, bestChange(standing));
    if (state.pairs === undefined) {
      const affordable = Math.floor(left() / (2 * pilot.secondsOfRun()));
      if (affordable >= pairs.fewest)
        state.save({ pairs: Math.min(pairs.most, affordable), rounds: pilot.rounds });
    }
    const [baseline] = candidates as [NamedSettings];
    const seeds = confirmingSeeds(state.pairs ?? 0);
    const comparison = seeds.length === 0 ? null : await pilot.compare([baseline, best], length, seeds);
    return {
      length,
      full,
      rounds: pilot.rounds,
      candidates: standing,
      best,
      comparison,
      pairs: seeds.length,
      choice: comparison?.conclusion === "above" ? best : baseline,
      seconds: state.seconds,
    };
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return { unfinished: error.by };
  } finally {
    state.save();
  }
}

/** What the recipe's own run is. */
async function fullRun(recipe: Recipe): Promise<FullRun> {
  const data = await openData(recipe);
  try {
    const { train, validation, test } = data;
    if (validation === null || validation === test)
      throw new PeaError(
        "candidates are chosen by validation images, but the recipe keeps none apart from the test part; take a valFraction above 0 and validateOn split",
        { kind: "usage" },
      );
    return {
      epochs: recipe.epochs,
      batchSize: recipe.batchSize,
      images: countSamples(train),
      validationImages: countSamples(validation),
      testImages: countSamples(test),
    };
  } finally {
    disposeData(data);
  }
}

const named = (candidates: readonly NamedSettings[], name: string): NamedSettings =>
  candidates.find((candidate) => candidate.name === name) as NamedSettings;

/** The runs of a stage have been stopped. */
class Stopped extends Error {
  constructor(readonly by: Unfinished["unfinished"]) {
    super();
  }
}

/** The stages of a pilot, each a study in a folder of its own. */
class Pilot {
  /** Of the runs of the choice. */
  readonly #timings: Timing[] = [];
  #rounds = 0;

  constructor(
    /** `stop`: by the signal, or since the time is up; `left`: the seconds until it is. */
    private readonly options: AdviseOptions & { readonly stop: AbortSignal; left(): number },
    private readonly network: { model: string; settings: Readonly<Record<string, unknown>> },
    private readonly state: PilotState,
  ) {}

  /** Times one short run, of the first candidate beside ReLU. */
  async measure(full: FullRun, candidates: readonly NamedSettings[]): Promise<RunCosts> {
    const batches = Math.min(TIMED_BATCHES, Math.floor(full.images / full.batchSize));
    const length = { epochs: 1, images: batches * full.batchSize };
    this.options.onNote(`timing a run of ${length.images} images`);
    const stage = this.#stage("timing", candidates.slice(1, 2), length, [0]);
    const [cell] = stage.grid as [Cell];
    // Only a run that was not stopped in between tells the time.
    if (!stage.ledger.has(cell)) rmSync(stage.folders.path, { recursive: true, force: true });
    requireNone(await this.#train(stage));
    const { seconds, wallSeconds } = stage.ledger.timingOf(cell) as Timing;
    return costsOf({ steps: seconds, whole: wallSeconds ?? 2 * seconds }, length, full);
  }

  /** Halves the candidates, round by round. */
  async choose(candidates: readonly NamedSettings[], length: PilotLength): Promise<Standing[]> {
    let left = candidates;
    let all: Standing[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0 && !this.#isAffordable(round, left.length)) break;
      const seeds = seedsOf(round);
      const { epochs, images } = length;
      this.options.onNote(
        `round ${round + 1} of ${ROUNDS}: ${left.length} candidates, ${seeds.length} seeds, ${epochs} epochs of ${images} images`,
      );
      const stage = this.#stage(`round-${round + 1}`, left, length, seeds);
      const failed = await this.#train(stage);
      const isLeftOut = ({ cell, diverged }: FailedRun) => diverged && cell.variant !== baselineName;
      requireNone(failed.filter((run) => !isLeftOut(run)));
      for (const { cell, message } of failed)
        this.options.onNote(`${cell.variant} is left out: ${describeCell(cell)}: ${message}`);
      this.#timings.push(...stage.grid.flatMap((cell) => stage.ledger.timingOf(cell) ?? []));
      const standing = standings(
        stage.ledger.all(),
        left.map(({ name }) => name),
        new Set(failed.map(({ cell }) => cell.variant)),
      );
      this.#rounds = round + 1;
      all = [...standing, ...all.filter(({ name }) => !standing.some((other) => other.name === name))];
      const further = betterHalf(standing);
      if (round < ROUNDS - 1) left = left.filter(({ name }) => further.includes(name));
    }
    return all;
  }

  /** Rounds of the choice that have been held. */
  get rounds(): number {
    return this.#rounds;
  }

  /**
   * Whether a further round leaves time for the comparison, without which a choice is worth nothing: runs may turn out slower than
   * the one that was timed. It is decided for good once the round begins or, without it, the comparison.
   */
  #isAffordable(round: number, candidates: number): boolean {
    const { rounds } = this.state;
    if (rounds !== undefined) return round < rounds;
    const perRun = this.secondsOfRun();
    const runs = newRuns(round, candidates) + 2 * pairs.fewest;
    if (runs * perRun <= this.options.left()) {
      this.state.save({ rounds: ROUNDS });
      return true;
    }
    this.options.onNote(
      `round ${round + 1} is left out: at ${formatSeconds(perRun)} a run, what time is left is for the comparison`,
    );
    return false;
  }

  /** Mean of the runs of the choice that were not stopped in between; of the steps alone where all were. */
  secondsOfRun(): number {
    const whole = this.#timings.flatMap(({ wallSeconds }) => wallSeconds ?? []);
    const seconds = whole.length > 0 ? whole : this.#timings.map(({ seconds }) => seconds);
    return meanOf(seconds);
  }

  /**
   * The second variant with the first, ReLU, by the models after the last step: of the pairs that have ended where the time is up
   * before all have; null where these are too few.
   */
  async compare(
    variants: readonly [NamedSettings, NamedSettings],
    length: PilotLength,
    seeds: readonly number[],
  ): Promise<Comparison | null> {
    this.options.onNote(`${variants[1].name} and ${variants[0].name} on ${seeds.length} new seeds`);
    const stage = this.#stage("comparison", variants, length, seeds);
    try {
      requireNone(await this.#train(stage));
    } catch (error) {
      if (!(error instanceof Stopped && error.by === "time")) throw error;
    }
    const hasEnded = (seed: number) =>
      stage.grid.every((cell) => cell.seed !== seed || stage.ledger.has(cell));
    const ended = seeds.filter(hasEnded);
    if (ended.length < pairs.fewest) return null;
    const results = stage.ledger.all().filter(({ seed }) => ended.includes(seed));
    const [group] = compareGroups(results, planOf({ ...stage.study, seeds: ended }));
    const compared = group?.variants.find(({ name }) => name === variants[1].name);
    return compared?.scores.last.comparison as Comparison;
  }

  #stage(
    name: string,
    variants: readonly NamedSettings[],
    { epochs, images }: PilotLength,
    seeds: readonly number[],
  ): TrainedStage {
    const { model, settings } = this.network;
    const pilot = { epochs, limitTrain: images, selectFrom: turningPoint, scoreTest: "end" };
    const study: Study = {
      name,
      settings: { ...settings, ...pilot },
      networks: [{ name: model, settings: {} }],
      variants,
      seeds,
    };
    const grid = gridOf(study);
    return {
      study,
      grid,
      ledger: new Ledger(join(this.options.output, name), grid),
      folders: new StudyFolders(this.options.runs, name),
      jobs: 1,
    };
  }

  /**
   * @returns the runs that failed
   * @throws Stopped, unless all runs have ended
   */
  async #train(stage: TrainedStage): Promise<readonly FailedRun[]> {
    const { signal, stop, onNote, watch, train = runStudy } = this.options;
    const watcher = watch(stage);
    try {
      const { failed, stopped } = await train({
        ...stage,
        signal: stop,
        onNote,
        observer: {
          ...watcher,
          onEnd: (...end) => {
            watcher.onEnd?.(...end);
            this.state.save();
          },
        },
      });
      if (stopped && !stage.grid.every((cell) => stage.ledger.has(cell)))
        throw new Stopped(signal.aborted ? "signal" : "time");
      return failed;
    } finally {
      watcher.stop();
    }
  }
}

/** @throws PeaError naming the first */
function requireNone([first]: readonly FailedRun[]): void {
  if (first === undefined) return;
  throw new PeaError(`${describeCell(first.cell)} failed: ${first.message} (${first.directory})`);
}

/** A stage, and where its runs lie. */
interface TrainedStage extends Stage {
  readonly study: Study;
  readonly folders: StudyFolders;
}
