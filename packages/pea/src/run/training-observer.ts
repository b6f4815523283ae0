/**
 * What a run tells those who watch it while it trains.
 *
 * @module
 */
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import type { EvaluationView } from "../methods/methods.ts";
import type { Scores } from "../tasks/task.ts";
import type { Best } from "./checkpoint.ts";

/** Where the run stands. */
export interface Moment {
  /** Weight updates done. */
  step: number;
  /** Epoch of the last of them, from 1. */
  epoch: number;
  /** Learning rate of the last step. */
  learningRate: number;
  phase: string;
  /** What the methods log of the last step, e.g. `{ alpha: 0.5 }`. */
  scalars: Record<string, number>;
}

/** Means over the steps since the last such row. */
export interface StepMetrics extends Moment {
  /** On training batches, the loss with label smoothing. */
  train: Scores;
  imagesPerSecond: number;
}

/** Means over an epoch, and the scores after it. */
export interface EpochMetrics extends Moment {
  train: Scores;
  /** Scores on the validation part in each of the methods' views, last as it will be deployed; empty without such a part. */
  validation: Readonly<Record<EvaluationView, Scores>>;
  /** Whether the model after this epoch may be the best one. */
  candidate: boolean;
  /** Of a candidate on the test part, where that is asked for. */
  test: Scores | null;
  /** Best model so far. */
  best: Best | null;
  /** Images that could not be read and were left out: of the epoch's, and of those it was scored on. */
  skipped: { train: number; validation: number; test: number };
  imagesPerSecond: number;
  /** Time of the epoch's training steps. */
  seconds: number;
}

/** What can be watched of a run. All calls are synchronous, between two steps. */
export interface TrainingObserver {
  /** After every step: keep it cheap. */
  onStep?(step: number): void;
  /** Every `logEverySteps` steps and at the end of an epoch. */
  onLog?(metrics: StepMetrics): void;
  onEpoch?(metrics: EpochMetrics): void;
  /** Before a checkpoint is written. */
  onCheckpoint?(): void;
  /** Once for each image that cannot be read and is left out, of any part of the data; also between other calls. */
  onSkip?(sample: SkippedSample): void;
}
