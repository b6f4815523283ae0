/**
 * `diagnostics.jsonl`, what a run with `diagnose` records beside its metrics: one JSON object per line, one line for each
 * line of training metrics (every `logEverySteps` steps and at the end of an epoch).
 *
 * @module
 */
import { readJsonLines } from "../common/json-lines.ts";
import type { Scores } from "../tasks/task.ts";

/** Pre-activations of one activation site, in evaluation mode, over all images, channels and positions. */
export interface SiteStatistics {
  /** Path of the activation module. */
  path: string;
  mean: number;
  /** Standard deviation (population). */
  std: number;
  /** Share below 0. */
  negative: number;
  /** Excess kurtosis, E[(x − mean)⁴] / std⁴ − 3: 0 for a normal distribution. */
  kurtosis: number;
  /** Share of channels that are nowhere above 0 on the batch: with ReLU they give nothing and learn nothing. */
  dead: number;
}

/**
 * How far a batch norm's running statistics (which normalize here) are from those of what flows through it, as root mean
 * square over its channels; both 0 where they agree.
 */
export interface NormMismatch {
  /** Path of the batch norm. */
  path: string;
  /** (mean − running mean) / √(running variance + ε). */
  mean: number;
  /** ln((variance + ε) / (running variance + ε)). */
  variance: number;
}

/** The network under one view of its methods; the scores are those of the diagnosed batch. */
export interface ViewDiagnostics {
  /** As it is evaluated: normalized by running statistics. */
  running: Scores;
  /** Normalized by the batch's own statistics instead: what evaluation would give if running statistics fitted. */
  batch: Scores;
  /** In the order of definition. */
  sites: SiteStatistics[];
  norms: NormMismatch[];
}

/** Euclidean norms of the last training step's gradients. */
export interface GradientNorms {
  /** Of all parameters together. */
  global: number;
  /** Of the parameters of each module that holds some, by its path. */
  modules: Record<string, number>;
}

/** One line of `diagnostics.jsonl`. Numbers that are not finite are stored as null, as JSON does. */
export interface DiagnosticsRow {
  /** Weight updates done. */
  step: number;
  /** Epoch of the last of them, from 1. */
  epoch: number;
  phase: string;
  /** Learning rate of the last step. */
  lr: number;
  /** α of the last step; missing where no method has one. */
  alpha?: number;
  gradients: GradientNorms;
  /** `current` as it trained in the last step, `deployed` as it will be deployed, where that is another, and others. */
  views: { current: ViewDiagnostics } & Record<string, ViewDiagnostics>;
}

/**
 * Reads `diagnostics.jsonl`. A last line that a killed process left unfinished is dropped.
 *
 * @throws PeaError naming the file and the line that is damaged
 */
export function readDiagnostics(path: string): DiagnosticsRow[] {
  return readJsonLines(path, "a row of diagnostics", isRow);
}

function isRow(value: unknown): value is DiagnosticsRow {
  const row = value as Partial<DiagnosticsRow> | null;
  return typeof row?.step === "number" && row.views?.current !== undefined;
}
