/**
 * What a study and the processes that train its runs say to each other.
 *
 * @module
 */
import type { Recipe } from "../recipe/recipe.ts";
import type { StudyTarget } from "./study-file.ts";

/** From the study. `stop`: write a checkpoint after this step and end. */
export type ToWorker =
  | {
      kind: "run";
      recipe: Recipe;
      directory: string;
      targets: readonly StudyTarget[];
      allowChangedData: boolean;
    }
  | { kind: "stop" };

/** Where a run stands. */
export interface RunProgress {
  /** Weight updates done, and all of them. */
  step: number;
  steps: number;
  epoch: number;
  epochs: number;
  phase: string;
  /** Score on the validation part after the last epoch, in percent. */
  score: number | null;
}

/** From a worker. */
export type FromWorker =
  | { kind: "start"; firstStep: number }
  | { kind: "progress"; progress: RunProgress }
  /** It has ended, and is exported to a target now. */
  | { kind: "target"; name: string }
  | { kind: "end" }
  | { kind: "stopped" }
  /** Another process trains or exports the run. */
  | { kind: "elsewhere"; owner: string }
  | { kind: "error"; message: string; diverged: boolean };
