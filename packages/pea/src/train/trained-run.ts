/** The network that a run has trained, opened from its directory. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { loadWeights } from "./checkpoint.ts";
import { type Recipe, resolveRecipe } from "./config.ts";
import { disposeRun, type PreparedRun, prepareRun } from "./prepare.ts";
import { openRunDirectory, type RunDirectory, readRunConfig } from "./run-directory.ts";

/** Models of a run: the best of the final phase, and the one after the last step so far. */
export type CheckpointName = "best" | "last";

/** Files of a run that hold weights: `last` is the whole checkpoint, `best` the weights alone. */
export function weightFiles(run: RunDirectory): Record<CheckpointName, string> {
  return {
    best: join(run.checkpoints, "best.safetensors"),
    last: join(run.checkpoints, "last.safetensors"),
  };
}

/**
 * The recipe of a run, checked.
 *
 * @param moved where the data lie now, if not where they were
 */
export function readRecipe(run: RunDirectory, moved: { dataDir?: string } = {}): Recipe {
  const { dataDir } = moved;
  return resolveRecipe(
    { source: run.config, settings: readRunConfig(run).config },
    { source: "the options", settings: { dataDir } },
  );
}

/** A prepared run with trained weights, its method at the step they are of. */
export interface TrainedRun extends PreparedRun {
  run: RunDirectory;
  recipe: Recipe;
  checkpoint: CheckpointName;
  /** Epochs begun, and weight updates done. */
  epoch: number;
  step: number;
}

/**
 * Opens a run with the weights of one of its models. `method.onEnd()` makes it the deployed network.
 *
 * @param options.checkpoint left out: the best model where there is one, else the last
 * @param options.dataDir where the data lie now, if they have moved
 * @returns to be disposed of by `disposeRun`
 * @throws PeaError of kind usage when the folder holds no run, or the run not that model
 */
export async function openTrainedRun(
  path: string,
  { checkpoint, dataDir }: { checkpoint?: CheckpointName; dataDir?: string } = {},
): Promise<TrainedRun> {
  const run = openRunDirectory(path);
  const files = weightFiles(run);
  const name = checkpoint ?? (existsSync(files.best) ? "best" : "last");
  if (!existsSync(files[name]))
    throw new PeaError(
      name === "best"
        ? `${path} has no best model: no epoch of the final phase was evaluated on validation images; take the last`
        : `${path} has no checkpoint yet; train it with \`pea train --resume ${path}\``,
      { kind: "usage" },
    );
  const recipe = readRecipe(run, { dataDir });
  const prepared = await prepareRun(recipe);
  try {
    const { step, method } = loadWeights(files[name], prepared.model);
    prepared.method.load(method);
    return {
      ...prepared,
      run,
      recipe,
      checkpoint: name,
      step,
      epoch: Math.ceil(step / prepared.plan.stepsPerEpoch),
    };
  } catch (error) {
    disposeRun(prepared);
    throw error;
  }
}
