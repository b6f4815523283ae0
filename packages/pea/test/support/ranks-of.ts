/** Several ranks, which are all of this process: they take turns where they wait for one another. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ProcessGroup, readSafetensors, TCPStore } from "@pea/torch";
import { ConnectedRanks, type Ranks } from "../../src/distributed/ranks.ts";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { train } from "../../src/train/train.ts";
import { temporaryFolder } from "./tiny-data.ts";

/** `size` ranks of this process. */
export async function ranksOf(size: number): Promise<Ranks[]> {
  const { port } = await TCPStore.connect({ host: "127.0.0.1", port: 0, isServer: true });
  return Promise.all(
    Array.from({ length: size }, async (_, rank) => {
      const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
      const options = { rank, worldSize: size, timeout: 60_000, host: "127.0.0.1" };
      return new ConnectedRanks(await ProcessGroup.connect(store, options));
    }),
  );
}

/** Trains on several ranks, which all have the same result. */
export async function trainTogether(input: RecipeInput, size = 2): Promise<TrainResult> {
  const ranks = await ranksOf(size);
  const runDirectory = join(temporaryFolder(), "run");
  const results = await Promise.all(ranks.map((one) => train(input, { runDirectory, ranks: one })));
  for (const result of results) assert.deepEqual({ ...result, seconds: 0 }, { ...results[0], seconds: 0 });
  return results[0] as TrainResult;
}

export const trainAlone = (input: RecipeInput): Promise<TrainResult> =>
  train(input, { runDirectory: join(temporaryFolder(), "run") });

/** Of each step that is logged. */
export function lossesOf({ runDirectory }: TrainResult): number[] {
  return readMetrics(join(runDirectory, "metrics.jsonl")).flatMap((row) =>
    row.kind === "interval" ? [row["train/loss"] as number] : [],
  );
}

/** Of the last checkpoint, and what methods keep beside them; but for running statistics, the mean of the ranks'. */
export function weightsOf({ runDirectory }: TrainResult): Map<string, Float32Array> {
  const { tensors } = readSafetensors(join(runDirectory, "checkpoints/last.safetensors"));
  const counts = (key: string) =>
    (key.startsWith("methods/") || !key.includes("/")) && !/running|tracked/.test(key);
  return new Map(
    [...tensors].flatMap(([key, tensor]) =>
      counts(key) ? [[key, tensor.toTypedArray() as Float32Array]] : [],
    ),
  );
}

const largest = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => Math.max(a, b), 0);

/** The largest difference of two runs' weights. */
function weightDifference(some: TrainResult, other: TrainResult): number {
  const others = weightsOf(other);
  const differences = [...weightsOf(some)].map(([key, values]) => {
    const reference = others.get(key) as Float32Array;
    return largest(values.map((value, i) => Math.abs(value - (reference[i] as number))));
  });
  return largest(differences);
}

/** The largest relative difference of two runs' losses. */
function lossDifference(some: TrainResult, other: TrainResult): number {
  const others = lossesOf(other);
  return largest(lossesOf(some).map((loss, i) => Math.abs(loss / (others[i] as number) - 1)));
}

/** Two runs that differ by rounding alone. */
export function assertNear(some: TrainResult, other: TrainResult): void {
  assert.ok(lossDifference(some, other) < 1e-6);
  assert.ok(weightDifference(some, other) < 1e-5);
}
