import type { Result } from "../../src/compare/results.ts";

/** Finished runs of a variant on seeds 0, 1, …: the test scores of their best models; the last ones are 0.1 lower. */
export function resultsOf(
  variant: string,
  scores: readonly number[],
  {
    network = "mobilenet-0.25-small",
    dataset = "fashion-mnist",
    metric = "top1",
  }: Partial<Pick<Result, "network" | "dataset" | "metric">> = {},
): Result[] {
  return scores.map((best, seed) => ({
    network,
    dataset,
    variant,
    seed,
    metric,
    test: { best, last: best - 0.1 },
    epochs: [],
  }));
}
