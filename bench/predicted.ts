/**
 * What the formula of the cost of several processes gives for what was measured.
 *
 * @module
 */
import { createModel, stepCost } from "pea-train";
import { type Measurement, type NetworkMeasurement, valuesOf } from "./results.ts";
import { median } from "./statistics.ts";

/**
 * The share of a step of two ranks in which one waits for the sum of the gradients: of the times of its passes, and of a latency
 * and a bandwidth that sums alone, of one number and of many, took in the same run.
 *
 * @returns null where no sums were measured
 */
export function predictedWaiting(
  step: NetworkMeasurement,
  measurements: readonly Measurement[],
): number | null {
  const sums = measurements.flatMap(({ workload, rounds }) =>
    workload.kind === "all-reduce" ? [{ numbers: workload.numbers, seconds: median(rounds) / 1000 }] : [],
  );
  const sorted = sums.toSorted((a, b) => a.numbers - b.numbers);
  const [least, most] = [sorted.at(0), sorted.at(-1)];
  if (least === undefined || most === undefined) return null;
  // Of two ranks each sends a half of the numbers, twice.
  const latency = least.seconds / 2;
  const bitsPerSecond = (32 * most.numbers) / (most.seconds - least.seconds);
  const { network, image, classes } = step.workload;
  const model = createModel(network, { inputChannels: image[0], classes });
  const parameters = model.parameters().map(({ numel }) => numel);
  model.dispose();
  const [forward, backward] = ["forward", "backward"].map((part) => median(valuesOf(step, part)) / 1000);
  return stepCost(
    { parameters, forward: forward as number, backward: backward as number },
    { ranks: 2, bitsPerSecond, latency },
  ).waiting;
}
