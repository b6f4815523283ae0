/**
 * What a training step takes in several processes, by arithmetic.
 *
 * @module
 */

/** Bytes of a gradient: float32, whatever the passes compute in. */
const GRADIENT = 4;

/** A step of one process. */
export interface StepWork {
  /** Of the network. */
  parameters: number;
  /** Forward and backward passes of a process's share of the batch, in seconds. */
  passes: number;
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
  /** The share of the step in which a process only waits for it, from 0 to 1: gradients are summed after the passes. */
  waiting: number;
}

/**
 * The cost of summing gradients in a ring, as Gloo does: each of N ranks sends an N-th of them to the next one, first N − 1 times
 * to be added to, then N − 1 times as a sum: 2 (N − 1) · (latency + bytes / N / bandwidth) (Patarasuk and Yuan, "Bandwidth Optimal
 * All-reduce Algorithms for Clusters of Workstations", 2009). All that the ranks tell one another besides is small.
 */
export function stepCost(
  { parameters, passes }: StepWork,
  { ranks, bitsPerSecond, latency }: Connection,
): StepCost {
  const message = (8 * GRADIENT * parameters) / ranks / bitsPerSecond;
  const reduction = 2 * (ranks - 1) * (latency + message);
  return { reduction, waiting: reduction / (passes + reduction) };
}
