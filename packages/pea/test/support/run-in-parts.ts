/** Runs that are stopped and go on, and what is compared of them. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "@pea/torch";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { resumeTraining, type TrainOptions, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder } from "./tiny-data.ts";

/** A run's numbers without those that tell time. */
export function fingerprint(path: string) {
  const tensors = (name: string) =>
    Object.fromEntries(
      [...readSafetensors(join(path, "checkpoints", name)).tensors].map(([key, value]) => [
        key,
        Buffer.from(value.toTypedArray().buffer).toString("hex"),
      ]),
    );
  const rows = readMetrics(join(path, "metrics.jsonl")).map(
    ({ seconds, imagesPerSecond, ...numbers }) => numbers,
  );
  const hasBest = existsSync(join(path, "checkpoints", "best.safetensors"));
  return { last: tensors("last.safetensors"), best: hasBest && tensors("best.safetensors"), rows };
}

/** Stops after each of `steps`, going on in between with an optimizer, a network and data made anew. */
export async function trainInParts(
  recipe: RecipeInput,
  steps: readonly number[],
  { target }: Pick<TrainOptions, "target"> = {},
): Promise<TrainResult> {
  const runDirectory = join(temporaryFolder(), "run");
  const stopAt = (last: number): Pick<TrainOptions, "signal" | "observe"> => {
    const stop = new AbortController();
    return { signal: stop.signal, observe: () => ({ onStep: (step) => step === last && stop.abort() }) };
  };
  for (const [part, step] of steps.entries()) {
    const options = stopAt(step);
    const run =
      part === 0
        ? train(recipe, { runDirectory, target, ...options })
        : resumeTraining(runDirectory, options);
    await assert.rejects(run, TrainingInterrupted);
  }
  return resumeTraining(runDirectory);
}

/**
 * Trains a recipe whole, and in parts as `trainInParts`, which must give the same bit for bit.
 *
 * @returns the whole run, the one in parts, and what both gave
 */
export async function trainBothWays(recipe: RecipeInput, steps: readonly number[]) {
  const whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
  const parted = await trainInParts(recipe, steps);
  const given = fingerprint(whole.runDirectory);
  assert.deepEqual(fingerprint(parted.runDirectory), given);
  return { whole, parted, given };
}

/** The keys of a run's last checkpoint. */
export const lastKeys = ({ runDirectory }: Pick<TrainResult, "runDirectory">): string[] => [
  ...readSafetensors(join(runDirectory, "checkpoints", "last.safetensors")).tensors.keys(),
];
