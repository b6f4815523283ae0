import type { ReportRun } from "../../src/report/run.ts";

/** A made-up run of two epochs that has ended; a variant other than ReLU is one with PEA. */
export function reportRun(variant: string, seed: number, more: Partial<ReportRun> = {}): ReportRun {
  const isPea = variant !== "ReLU";
  return {
    name: `${variant}-${seed}`,
    network: "mobilenet-0.25-small",
    dataset: "fashion-mnist",
    variant,
    seed,
    metric: "top1",
    settings: { model: "mobilenet-0.25-small", pea: isPea ? variant : "none", epochs: 2, seed },
    environment: { node: "20" },
    phases: isPea
      ? [
          { name: "transition", firstEpoch: 0.5, endEpoch: 1.5 },
          { name: "final", firstEpoch: 1.5, endEpoch: 2 },
        ]
      : [{ name: "training", firstEpoch: 0, endEpoch: 2 }],
    epochs: [1, 2].map((epoch) => ({
      epoch,
      trainLoss: 1 / epoch,
      validationLoss: 1.1 / epoch,
      currentScore: 80 + epoch,
      deployedScore: isPea ? 60 + 10 * epoch : 80 + epoch,
      alpha: isPea ? epoch / 2 : null,
      learningRate: 0.1 / epoch,
    })),
    test: { best: 90, last: 89.5, images: 10_000 },
    seconds: 61,
    ...more,
  };
}

/** Runs of a variant with these scores on seeds 0, 1, … */
export function reportRuns(variant: string, scores: readonly number[], more: Partial<ReportRun> = {}) {
  return scores.map((best, seed) =>
    reportRun(variant, seed, { test: { best, last: best - 0.1, images: 10_000 }, ...more }),
  );
}
