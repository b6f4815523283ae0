import type { Result } from "../compare/results.ts";
import type { DiagnosticsRow } from "../diagnose/index.ts";
import type { IntegerRecord } from "../export/integer-record.ts";
import type { EpochPoint, Phase } from "../run/run-course.ts";
import type { Breakdown } from "../tasks/breakdown.ts";
import type { MetricName } from "../tasks/task.ts";

/** A run as the report shows it. */
export interface ReportRun {
  /** Name of the run directory, or of the run in its study. */
  name: string;
  /** Name in the registry, e.g. `mobilenet-0.25-small`. */
  network: string;
  dataset: string;
  /** `ReLU`, a variant code such as `SM75%`, or the name of a smooth activation (upper limit). */
  variant: string;
  seed: number;
  /** Of the scores, which are all in percent. */
  metric: MetricName;
  /** The recipe, resolved; empty where it is not known. */
  settings: Readonly<Record<string, unknown>>;
  environment: Readonly<Record<string, unknown>>;
  /** The phases in epochs. */
  phases: readonly Phase[];
  epochs: readonly EpochPoint[];
  /** Scores of the deployed network on the test part; null for a run that has not ended. */
  test: TestScores | null;
  /** Of the scores of the best model, or of the last where there is none. */
  breakdown?: Breakdown;
  /** How the best model was chosen, where that is known. */
  selected?: Result["selected"];
  /** Of a run that has ended without a best model: why, where that is known. */
  whyNoBest?: string;
  /** Images that were left out of each part, since they cannot be read. */
  skipped?: Result["skipped"];
  /** Time of the training steps; null where it is not known. */
  seconds: number | null;
  /** Of a run that was trained with `diagnose`. */
  diagnostics?: readonly DiagnosticsRow[];
  /** Of a study's run: what became of it in the forms that the study asks for. */
  targets?: Result["targets"];
  /** Of a run that was exported in integers: what that cost. */
  integers?: readonly IntegerRecord[];
}

/** Scores in percent: of the best model of the final phase by validation, null where there is none, and of the last. */
export interface TestScores {
  best: number | null;
  last: number;
  /** Number of images scored; null where it is not known. */
  images: number | null;
}
