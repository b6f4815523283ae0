/**
 * `timings.jsonl`, beside `results.jsonl`: what another machine or another day would give otherwise. Kept apart, so that
 * the results of a study are the same however often it was stopped.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { PeaError } from "@pea/core";
import type { Environment } from "../run/run-directory.ts";

/** A line of `timings.jsonl`: a run. */
export interface Timing {
  hash: string;
  network: string;
  variant: string;
  seed: number;
  /** Of all training steps. */
  seconds: number;
  /** In the training steps: of the run, and epoch by epoch. */
  imagesPerSecond: number;
  epochImagesPerSecond: (number | null)[];
  /** From the run's start to its end with all evaluation; null for a run that was stopped in between. */
  wallSeconds: number | null;
  environment: Environment & {
    cpu: string;
    cores: number;
    /** Of the engine; 0: its own choice. */
    threads: number;
    device: string;
  };
}

/**
 * The timings in a file by the hashes of their runs; none where there is no such file.
 *
 * @throws PeaError naming the line that is no JSON
 */
export function readTimings(file: string): Map<string, Timing> {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return new Map(
    lines.flatMap((line, i) => {
      if (line.trim() === "") return [];
      try {
        const timing = JSON.parse(line) as Timing;
        return [[timing.hash, timing]];
      } catch {
        throw new PeaError(`${file}, line ${i + 1} is not JSON: ${line.slice(0, 80)}`);
      }
    }),
  );
}
