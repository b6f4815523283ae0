/**
 * The training loop: steps, epochs, evaluations and checkpoints. It tells observers what happens; files other than
 * checkpoints, the terminal and signals are theirs.
 */
import { PeaError } from "@pea/core";
import type { StopRequest } from "../common/stop-request.ts";
import type { ImageCheck } from "../data/loading/image-check.ts";
import type { Batch, BatchLoader } from "../data/loading/loader.ts";
import {
  failTogether,
  type SkippedSample,
  sharedWork,
  UnreadableImagesError,
} from "../data/loading/unreadable-images.ts";
import { added, alone, joined, type Ranks, sumsOf } from "../distributed/ranks.ts";
import type { EvaluationView } from "../methods/methods.ts";
import { learningRateAt } from "../recipe/lr-schedule.ts";
import { reestimateStatistics, statisticsOf } from "../run/batch-norm-statistics.ts";
import { takesPlaceOf } from "../run/best-model.ts";
import {
  type Best,
  digestOf,
  loadCheckpoint,
  saveCheckpoint,
  saveWeights,
  type TrainerState,
} from "../run/checkpoint.ts";
import type { TrainingPlan } from "../run/plan.ts";
import type { EpochMetrics, Moment, StepMetrics, TrainingObserver } from "../run/training-observer.ts";
import { evaluate } from "../tasks/evaluate.ts";
import { mainScore, type ScoreSums, type Scores, type Sums } from "../tasks/task.ts";
import { TrainingStep, type TrainingStepOptions } from "./training-step.ts";

export interface TrainerOptions extends Omit<TrainingStepOptions, "settings" | "ranks"> {
  plan: TrainingPlan;
  batches: BatchLoader;
  /** null: no model is the best one, the last is the result. */
  validation: BatchLoader | null;
  /** Scored after each epoch that may be the best one; null: not scored here. Decides nothing. */
  test: BatchLoader | null;
  settings: TrainingStepOptions["settings"] & {
    logEverySteps: number;
    checkpointEverySteps: number;
    batchNormReestimate: number;
  };
  /** Files that checkpoints and the weights of the best model are written to. */
  files: { last: string; best: string };
  /** Identity of the recipe, kept in checkpoints; and those that it has in the checkpoints of earlier versions. */
  recipeHash: string;
  formerHashes?: readonly string[];
  /** The processes that train together, which the loaders share each batch among; left out: this one alone. */
  ranks?: Ranks;
}

/** Of the images that training comes to late. */
type RunningCheck = Pick<ImageCheck, "advance" | "isDone">;

/** A run stopped before its end, with a checkpoint of the step it stopped at. */
export class TrainingInterrupted extends PeaError {
  override name = "TrainingInterrupted";
  constructor(
    readonly step: number,
    readonly reason: unknown,
  ) {
    super(`training stopped after step ${step}; a checkpoint is written`);
  }
}

/** A run whose loss is no finite number any more: it would go the same way again. */
export class TrainingDiverged extends PeaError {
  override name = "TrainingDiverged";
}

/** Trains by `run`, after `resume` from where a checkpoint stands. */
export class Trainer {
  /** Weight updates done. */
  step = 0;
  best: Best | null = null;
  /** Time spent on training steps. */
  seconds = 0;
  /** Training images left out before a resumption. */
  private skippedBefore: readonly SkippedSample[] = [];
  private sums: ScoreSums;
  private logged: Sums;
  /** Weight updates done in the last checkpoint; null where there is none. */
  private checkpointStep: number | null = null;
  private clock: TrainerState["clock"] = { logged: 0, epoch: 0 };
  private readonly observers: TrainingObserver[] = [];
  private readonly ranks: Ranks;
  /** Once the run has begun. */
  private training: TrainingStep | null = null;

  constructor(private readonly options: TrainerOptions) {
    options.model.train();
    this.ranks = options.ranks ?? alone;
    this.sums = this.newSums();
    this.logged = this.sums.read();
  }

  /** The training images that could not be read and were left out, over the whole run. */
  get skipped(): ReadonlyMap<string, SkippedSample> {
    const before = this.skippedBefore.map((sample) => [sample.name, sample] as const);
    return new Map([...before, ...this.options.batches.skipped]);
  }

  /** Lets an observer watch the run. */
  observe(observer: TrainingObserver): void {
    this.observers.push(observer);
  }

  /**
   * Goes back to the moment of the last checkpoint.
   *
   * @returns how many ranks trained until then
   */
  resume(): number {
    const { files, recipeHash, formerHashes = [] } = this.options;
    const state = loadCheckpoint(files.last, this.options);
    if (![recipeHash, ...formerHashes].includes(state.recipe))
      throw new PeaError(
        `${files.last} was written with another recipe than the run's config.yaml; a run goes on only as it began`,
        { kind: "usage" },
      );
    this.step = state.step;
    this.checkpointStep = state.step;
    // Checkpoints of earlier versions do not know the loss.
    this.best = state.best && { ...state.best, loss: state.best.loss ?? null };
    this.seconds = state.seconds;
    this.skippedBefore = state.skipped ?? [];
    this.sums.dispose();
    // The sums of all ranks go on with the first.
    this.sums = this.newSums(this.ranks.rank === 0 ? state.sums.now : undefined);
    this.logged = state.sums.logged;
    this.clock = state.clock;
    return state.ranks ?? 1;
  }

  /**
   * Trains to the end and turns the model into the one that is deployed.
   *
   * @param signal stops the run between two steps, after writing a checkpoint
   * @param check of images that training comes to late; told of each step
   * @throws TrainingInterrupted when stopped; UnreadableImagesError where images cannot be read, after writing a checkpoint;
   * TrainingDiverged when a loss is no longer a finite number
   */
  async run(signal?: StopRequest, check?: RunningCheck): Promise<void> {
    const training = new TrainingStep({ ...this.options, ranks: this.ranks });
    this.training = training;
    try {
      await this.trainToEnd(training, signal, check);
    } catch (error) {
      // Of several ranks one alone may know of it.
      if (error instanceof UnreadableImagesError && (error.isOfAll || this.ranks.size === 1))
        await this.checkpoint();
      throw error;
    }
    const { methods } = this.options;
    methods.endTraining();
    // What is deployed may have another activation than what was evaluated last.
    if (await this.reestimate("deployed")) await this.checkpoint();
    methods.merge();
  }

  private async trainToEnd(
    training: TrainingStep,
    signal?: StopRequest,
    check?: RunningCheck,
  ): Promise<void> {
    const { plan, batches } = this.options;
    if (this.owesEpochEnd()) {
      await this.endEpoch();
      await this.checkpoint();
    }
    while (this.step < plan.totalSteps) {
      const epoch = Math.floor(this.step / plan.stepsPerEpoch);
      const waiting = batches.batches(epoch, this.step % plan.stepsPerEpoch);
      let start = performance.now();
      for await (const loaded of orUnreadable(waiting)) {
        const { batch, counted } = await this.meet(loaded, signal);
        const { step, sums } = this;
        await training.make(batch, { step, learningRate: this.learningRateAt(step), counted, sums });
        this.step++;
        this.seconds += (performance.now() - start) / 1000;
        await this.afterStep(signal, check);
        start = performance.now();
      }
    }
  }

  /** Was the run stopped between the last step of an epoch and its end, by an image that could not be read? */
  private owesEpochEnd(): boolean {
    return this.step > 0 && this.step % this.options.plan.stepsPerEpoch === 0 && this.logged.images > 0;
  }

  /** Frees what the trainer made for itself; network and optimizer stay. */
  dispose(): void {
    this.sums.dispose();
    this.training?.dispose();
  }

  /**
   * What several ranks tell one another before a step: whether images of one cannot be read, or it was asked to stop, so that
   * all do, and how many labels count.
   *
   * @returns the batch, and labels of the whole of it that count; null where there is one rank
   * @throws UnreadableImagesError, TrainingInterrupted
   */
  private async meet(
    loaded: Batch | UnreadableImagesError,
    signal?: StopRequest,
  ): Promise<{ batch: Batch; counted: number | null }> {
    const { task } = this.options;
    const { ranks } = this;
    const isBatch = !(loaded instanceof UnreadableImagesError);
    if (ranks.size === 1) {
      if (isBatch) return { batch: loaded, counted: null };
      throw loaded;
    }
    const own = [isBatch ? task.countLabels(loaded.labels) : 0, isBatch ? 0 : 1, signal?.aborted ? 1 : 0];
    const [counted, bad, stops] = await sumsOf(ranks, own);
    if (bad !== 0) await failTogether(ranks, isBatch ? [] : loaded.images);
    if (stops !== 0) {
      await this.checkpoint();
      throw new TrainingInterrupted(this.step, signal?.reason ?? "SIGTERM");
    }
    return { batch: loaded as Batch, counted: counted as number };
  }

  /** Metrics, evaluation and checkpoint where they are due, then the event loop turns: signals come in there. */
  private async afterStep(signal?: StopRequest, check?: RunningCheck): Promise<void> {
    const { plan, settings } = this.options;
    this.tell("onStep", this.step);
    const endsEpoch = this.step % plan.stepsPerEpoch === 0;
    if (endsEpoch || this.step % settings.logEverySteps === 0) await this.log();
    if (check && !check.isDone) await sharedWork(this.ranks, () => check.advance());
    if (endsEpoch) await this.endEpoch();
    const isDue = settings.checkpointEverySteps > 0 && this.step % settings.checkpointEverySteps === 0;
    await new Promise(setImmediate);
    // Several ranks stop together, when they meet before the next step.
    const isStopped = signal?.aborted && this.ranks.size === 1;
    if (endsEpoch || isDue || isStopped) await this.checkpoint();
    if (isStopped && this.step < plan.totalSteps) throw new TrainingInterrupted(this.step, signal.reason);
  }

  private async log(): Promise<void> {
    const now = await this.readSums();
    const images = now.images - this.logged.images;
    const metrics: StepMetrics = {
      ...this.moment(),
      train: this.options.task.scores(now, this.logged),
      imagesPerSecond: images / (this.seconds - this.clock.logged),
    };
    this.logged = now;
    this.clock.logged = this.seconds;
    this.tell("onLog", metrics);
  }

  private async endEpoch(): Promise<void> {
    const { plan, methods, task, batches } = this.options;
    const moment = this.moment();
    const train = task.scores(this.logged);
    const { images } = this.logged;
    const seconds = this.seconds - this.clock.epoch;
    const span = { firstStep: this.step - plan.stepsPerEpoch, endStep: this.step };
    const candidate =
      this.options.validation !== null && span.firstStep >= plan.selectFromStep && methods.isCandidate(span);
    const { validation, test } = await this.validate(candidate ? moment.epoch : null);
    this.sums.dispose();
    this.sums = this.newSums();
    this.logged = this.sums.read();
    this.clock.epoch = this.seconds;
    const metrics: EpochMetrics = {
      ...moment,
      train,
      validation,
      candidate,
      test,
      best: this.best,
      skipped: {
        train: batches.samplesPerEpoch - images,
        validation: await this.countSkipped(this.options.validation),
        test: test === null ? 0 : await this.countSkipped(this.options.test),
      },
      imagesPerSecond: images / seconds,
      seconds,
    };
    this.tell("onEpoch", metrics);
  }

  private async countSkipped(loader: BatchLoader | null): Promise<number> {
    return loader === null ? 0 : (await joined(this.ranks, loader.skipped)).size;
  }

  /**
   * Scores on the validation part in each view, and those of a candidate on the test part where they are asked for. A
   * candidate is judged, scored and kept as it is deployed.
   *
   * @param candidate its epoch, from 1; null: the model may not be the best one
   */
  private async validate(candidate: number | null): Promise<Pick<EpochMetrics, "validation" | "test">> {
    const { methods, validation } = this.options;
    const { views } = methods;
    const scores: Record<EvaluationView, Scores> = {};
    let test: Scores | null = null;
    if (validation === null) return { validation: scores, test };
    // The current view comes last: training goes on with its statistics where they are re-estimated.
    for (const view of [...views].reverse()) {
      methods.show(view);
      await this.reestimate(view);
      const found = await this.evaluate(validation);
      const isJudged = candidate !== null && view === views.at(-1);
      if (isJudged || view === "current") this.requireFinite("validation", found.loss);
      if (isJudged) {
        this.keepIfBest(candidate, found);
        test = await this.scoreTest(found);
      }
      scores[view] = found;
    }
    const inOrder = views.map((view) => [view, scores[view] as Scores] as const);
    return { validation: Object.fromEntries(inOrder), test };
  }

  private keepIfBest(epoch: number, validation: Scores): void {
    const { files } = this.options;
    const standing = { score: mainScore(validation), loss: validation.loss };
    if (this.best !== null && !takesPlaceOf(this.best, standing)) return;
    this.best = { epoch, step: this.step, ...standing };
    if (this.ranks.rank === 0) saveWeights(files.best, this.options, this.step);
  }

  /** Where it is asked for: from the batches that the last epoch began with, which training can be resumed to. */
  private async reestimate(view: EvaluationView): Promise<boolean> {
    const { model, methods, batches, plan, settings } = this.options;
    const count = settings.batchNormReestimate || methods.reestimateFrom(view);
    if (count === 0) return false;
    const epoch = Math.ceil(this.step / plan.stepsPerEpoch) - 1;
    try {
      await reestimateStatistics(model, batches, { epoch, batches: count });
    } catch (error) {
      throw await this.ranks.explain(error as Error);
    }
    await this.ranks.mean(statisticsOf(model));
    return true;
  }

  /** Where it is asked for; not once more where the model is chosen on the same images. */
  private async scoreTest(validated: Scores): Promise<Scores | null> {
    const { test, validation } = this.options;
    if (test === null) return null;
    return test === validation ? validated : this.evaluate(test);
  }

  private evaluate(loader: BatchLoader): Promise<Scores> {
    const { model, task, settings } = this.options;
    return evaluate(model, loader, { task, device: settings.device, ranks: this.ranks });
  }

  private async checkpoint(): Promise<void> {
    const { files, recipeHash } = this.options;
    const { rank, size } = this.ranks;
    const now = await this.readSums();
    const skipped = await joined(this.ranks, this.skipped);
    if (size > 1) await this.requireOneNetwork();
    this.checkpointStep = this.step;
    if (rank > 0) return;
    this.tell("onCheckpoint");
    saveCheckpoint(files.last, this.options, {
      recipe: recipeHash,
      step: this.step,
      sums: { now, logged: this.logged },
      best: this.best,
      skipped: [...skipped.values()],
      seconds: this.seconds,
      clock: this.clock,
      ...(size > 1 && { ranks: size }),
    });
  }

  /** @throws PeaError where the ranks' networks have come apart: a checkpoint of one would not be of all */
  private async requireOneNetwork(): Promise<void> {
    const [first, ...others] = await this.ranks.gather(digestOf(this.options));
    const other = others.findIndex((digest) => digest !== first) + 1;
    if (other > 0)
      throw new PeaError(
        `the network of rank ${other} is not that of rank 0 after step ${this.step}, though all began with one: a method ` +
          "may change weights by what it sees of a rank's own images (see `share` of methods), or a machine computes wrongly",
      );
  }

  /** The sums of the epoch, checked: a loss that was not finite stays so in its sum. */
  private async readSums(): Promise<Sums> {
    const now = added(await this.ranks.gather(this.sums.read()));
    this.requireFinite("training", now.loss);
    return now;
  }

  private requireFinite(part: "training" | "validation", loss: number): void {
    if (Number.isFinite(loss)) return;
    const kept =
      this.checkpointStep === null
        ? "no checkpoint was written before"
        : `the checkpoint of step ${this.checkpointStep} is kept, but would lead there again`;
    throw new TrainingDiverged(
      `the ${part} loss became ${loss} at or before step ${this.step}; ${kept}. Lower lr, lengthen warmup or set amp to ` +
        "none, and begin anew",
    );
  }

  private learningRateAt(step: number): number {
    const { plan, methods } = this.options;
    return methods.learningRate(learningRateAt(step, plan.learningRate), step);
  }

  private moment(): Moment {
    const { plan, methods } = this.options;
    const last = this.step - 1;
    return {
      step: this.step,
      epoch: Math.floor(last / plan.stepsPerEpoch) + 1,
      learningRate: this.learningRateAt(last),
      phase: methods.phase,
      scalars: methods.scalars(),
    };
  }

  private tell<Event extends keyof TrainingObserver>(
    event: Event,
    ...facts: Parameters<Required<TrainingObserver>[Event]>
  ): void {
    for (const observer of this.observers)
      (observer[event] as ((...facts: unknown[]) => void) | undefined)?.apply(observer, facts);
  }

  private newSums(start?: Sums): ScoreSums {
    const { task, settings } = this.options;
    return task.startSums({ device: settings.device, purpose: "training", start });
  }
}

/** The batches, and where images of one cannot be read that, as the last: ranks tell one another. */
async function* orUnreadable(
  batches: ReturnType<BatchLoader["batches"]>,
): AsyncGenerator<Batch | UnreadableImagesError> {
  try {
    yield* batches;
  } catch (error) {
    if (!(error instanceof UnreadableImagesError)) throw error;
    yield error;
  }
}
