/**
 * What a training step takes in several processes, by arithmetic.
 *
 * @module
 */
import { Reducer } from "@pea/torch";

/** Bytes of a gradient: float32, whatever the passes compute in. */
const GRADIENT = 4;

/** A step of one process. */
export interface StepWork {
  /** How many numbers each of the network's parameters has, in its order. */
  parameters: readonly number[];
  /** Forward pass of a process's share of the batch, in seconds. */
  forward: number;
  /** Its backward pass. */
  backward: number;
}

/** Processes, each on a machine of its own. */
export interface Connection {
  ranks: number;
  /** That a machine sends, while it receives as many. */
  bitsPerSecond: number;
  /** Until a message arrives that holds nothing, in seconds. */
  latency: number;
}

export interface StepCost {
  /** In which gradients are summed, in seconds. */
  reduction: number;
  /** The share of the step in which a process only waits for it, from 0 to 1. */
  waiting: number;
}

/**
 * The cost of summing gradients in buckets (`Reducer`), one after the other, each as soon as backward has made all of its
 * gradients; as if it made those of each bucket in the same time. What is left after backward is waited for.
 */
export function stepCost({ parameters, forward, backward }: StepWork, connection: Connection): StepCost {
  const costs = bucketsOf(parameters).map((numbers) => allReduceCost(numbers, connection));
  const end = costs.reduce((end, cost, i) => Math.max(end, (backward * (i + 1)) / costs.length) + cost, 0);
  const waits = Math.max(end - backward, 0);
  const reduction = costs.reduce((sum, cost) => sum + cost, 0);
  return { reduction, waiting: waits / (forward + backward + waits) };
}

/**
 * The seconds of a sum over ranks in a ring, as Gloo does it: each of N ranks sends an N-th of the numbers to the next one, first
 * N − 1 times to be added to, then N − 1 times as a sum: 2 (N − 1) · (latency + bytes / N / bandwidth) (Patarasuk and Yuan,
 * "Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations", 2009).
 */
export function allReduceCost(numbers: number, { ranks, bitsPerSecond, latency }: Connection): number {
  return 2 * (ranks - 1) * (latency + (8 * GRADIENT * numbers) / ranks / bitsPerSecond);
}

/** How many numbers the buckets have, in the order in which they go. */
function bucketsOf(parameters: readonly number[]): number[] {
  const buckets = [0];
  for (const numbers of parameters.toReversed()) {
    if (GRADIENT * (buckets.at(-1) as number) >= Reducer.bucketBytes) buckets.push(0);
    buckets.push((buckets.pop() as number) + numbers);
  }
  return buckets;
}
