import {
  alphaAt,
  PeaError,
  type PhaseName,
  type PhasePlan,
  parseDuration,
  phaseAt,
  planPhases,
  type ScheduleOptions,
} from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { requireTrainableBackend } from "./backend.ts";
import type { PeaHandle } from "./handle.ts";

/** How α moves over a run. */
export interface PeaCallbackOptions extends Pick<ScheduleOptions, "shape" | "stairs" | "granularity"> {
  /** Where the transition ends: an epoch (`90`, `"90ep"`), a share of the run (`"75%"`) or a step (`"1200st"`). */
  readonly end: string | number;
  /** Length of the initial phase, which runs the smooth activation alone; default 5 of 120 epochs (paper section 4.1). */
  readonly initial?: string | number;
  /** Epochs of the whole run, where one `fit` trains a part of it; default those of `fit`. */
  readonly epochs?: number;
  /** Batches of an epoch; needed where tfjs does not know them, for a data set without `batchesPerEpoch`. */
  readonly stepsPerEpoch?: number;
}

/**
 * Moves α before each batch of `fit` or `fitDataset` (paper section 3): 0 in the initial phase, rising in the
 * transition, 1 in the final phase. α is computed from the epoch and the batch alone, so that a run in parts, by
 * `initialEpoch`, has the α and the masks of a run in one.
 *
 * @example
 * const pea = applyPea(model, { ensemble: "stochastic", smooth: "mish" });
 * await model.fit(images, labels, { epochs: 20, callbacks: new PeaCallback(pea, { end: "75%" }) });
 */
export class PeaCallback extends tf.Callback {
  readonly #handle: PeaHandle;
  readonly #options: PeaCallbackOptions;
  #run: { plan: PhasePlan; stepsPerEpoch: number } | null = null;
  #epoch = 0;
  /** Steps done so far; what comes next must not lie before. */
  #done = 0;

  /** @throws PeaError of kind usage for a duration that cannot be read */
  constructor(handle: PeaHandle, options: PeaCallbackOptions) {
    super();
    parseDuration(options.end);
    if (options.initial !== undefined) parseDuration(options.initial);
    this.#handle = handle;
    this.#options = options;
  }

  /** The phase of the step that trained last; null before the first. */
  get phase(): PhaseName | null {
    return this.#run === null ? null : phaseAt(this.#handle.step, this.#run.plan);
  }

  /** Lays the phases over the run. Called by `fit`. */
  override async onTrainBegin(): Promise<void> {
    requireTrainableBackend(this.#handle.model);
    const stepsPerEpoch = this.#stepsPerEpoch();
    const epochs = this.#options.epochs ?? Number(this.params.epochs);
    const run = { stepsPerEpoch, totalSteps: epochs * stepsPerEpoch };
    const { end, initial } = this.#options;
    const plan = planPhases(
      run,
      parseDuration(end),
      initial === undefined ? undefined : parseDuration(initial),
    );
    this.#run = { plan, stepsPerEpoch };
  }

  override async onEpochBegin(epoch: number): Promise<void> {
    this.#epoch = epoch;
  }

  /** Sets α and the step; before the batch, for `fit` evaluates before the last `onBatchEnd`. */
  override async onBatchBegin(batch: number): Promise<void> {
    if (this.#run === null) throw new PeaError("PeaCallback: onBatchBegin was called before onTrainBegin");
    const { plan, stepsPerEpoch } = this.#run;
    if (batch >= stepsPerEpoch)
      throw usage(`epoch ${this.#epoch} has more than the ${stepsPerEpoch} batches that stepsPerEpoch says`);
    const step = this.#epoch * stepsPerEpoch + batch;
    if (step < this.#done)
      throw usage(
        `fit begins at step ${step}, but ${this.#done} steps of this run are done; go on with ` +
          `initialEpoch: ${Math.ceil(this.#done / stepsPerEpoch)}, or begin anew with a new PeaCallback`,
      );
    this.#handle.alpha = alphaAt(step, plan, { ...this.#options, stepsPerEpoch });
    this.#handle.step = step;
    this.#done = step + 1;
  }

  #stepsPerEpoch(): number {
    const { samples, batchSize, steps } = this.params;
    const known = this.#options.stepsPerEpoch ?? steps ?? Math.ceil(Number(samples) / Number(batchSize));
    if (Number.isSafeInteger(known) && Number(known) > 0) return Number(known);
    throw usage("the data set does not say how many batches an epoch has; give PeaCallback stepsPerEpoch");
  }
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
