/** A run that several processes share: who they are, and what is compared of it with a run of one. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fingerprint } from "./run-in-parts.ts";

/** The processes of a launcher, by rank. */
export function processesOf({ pid }: ChildProcess): number[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").map(Number);
  const rankOf = (child: number) =>
    Number(/\0RANK=(\d+)\0/.exec(readFileSync(`/proc/${child}/environ`, "latin1"))?.[1] ?? Number.NaN);
  const ranks = pids.map((child) => [rankOf(child), child] as const);
  return ranks
    .filter(([rank]) => rank >= 0)
    .sort(([a], [b]) => a - b)
    .map(([, child]) => child);
}

/** But for the running statistics, the mean of the processes'. */
export function sharedWeightsOf(path: string): Record<string, string> {
  const { "rng/cpu": _, ...tensors } = fingerprint(path).last;
  return Object.fromEntries(Object.entries(tensors).filter(([key]) => !/running_|tracked/.test(key)));
}
