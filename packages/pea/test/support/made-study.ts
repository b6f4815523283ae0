/**
 * A study as `pea study` leaves it, made up: scores and curves of plausible size for every variant and seed. For looking
 * at the report, and for its tests; nothing of it was measured.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { alphaAt } from "@pea/core";
import type { Result } from "../../src/compare/results.ts";
import { variantOf } from "../../src/compare/table-figures.ts";

export const madeVariants = [
  "ReLU",
  ...["SG", "SS", "SM", "WG", "WS", "WM", "WE"].flatMap((code) => [`${code}75%`, `${code}90%`]),
  "gelu",
  "mish",
];

interface Made {
  network: string;
  dataset?: string;
  metric?: Result["metric"];
  variants?: readonly string[];
  seeds?: number;
  epochs?: number;
  /** Score of the baseline. */
  level?: number;
}

/** Results of one network: 17 variants with 5 seeds where nothing else is said. */
export function madeResults({
  network,
  dataset = "fashion-mnist",
  metric = "top1",
  variants = madeVariants,
  seeds = 5,
  epochs = 20,
  level = 90.4,
}: Made): Result[] {
  return variants.flatMap((variant, v) =>
    Array.from({ length: seeds }, (_, seed): Result => {
      const noise = noiseFrom(1000 * v + seed);
      const settled = level + gain(variant) + 0.18 * noise();
      const code = variantOf(variant);
      const share = code && "share" in code.end ? code.end.share : 0.75;
      const plan = { initialSteps: 4, transitionSteps: Math.round(100 * share) - 4, totalSteps: 100 };
      const ends = [plan.initialSteps, plan.initialSteps + plan.transitionSteps, 100].map(
        (step) => (step / 100) * epochs,
      );
      return {
        network,
        dataset,
        variant,
        seed,
        metric,
        test: { best: settled, last: settled - 0.06 + 0.05 * noise() },
        phases: code
          ? ["initial", "transition", "final"].map((name, i) => ({
              name,
              firstEpoch: ends[i - 1] ?? 0,
              endEpoch: ends[i] as number,
            }))
          : [{ name: "training", firstEpoch: 0, endEpoch: epochs }],
        epochs: Array.from({ length: epochs }, (_, i) => {
          const epoch = i + 1;
          const progress = epoch / epochs;
          const alpha = code ? alphaAt(Math.min(99, Math.round(100 * progress)), plan) : null;
          const reached = settled - 12 * Math.exp(-6 * progress) - 1.5 * (1 - progress) + 0.15 * noise();
          const behind = alpha === null ? 0 : (code?.ensemble === "weighted" ? 35 : 18) * (1 - alpha) ** 2;
          return {
            epoch,
            trainLoss: 0.24 + 0.75 * Math.exp(-5 * progress) + 0.004 * noise(),
            validationLoss: 0.27 + 0.6 * Math.exp(-6 * progress) + 0.006 * noise(),
            currentScore: reached,
            deployedScore: reached - behind * (1 + 0.1 * noise()),
            alpha,
            learningRate: 0.1 * (1 + Math.cos(Math.PI * progress)),
            imagesPerSecond: 3000 + 80 * noise() - (code ? 150 : 0),
          };
        }),
        seconds: 210 + 6 * noise(),
        testImages: 10_000,
        settings: {
          model: network,
          data: dataset,
          pea: code ? variant : "none",
          activation: code || variant === "ReLU" ? "relu" : variant,
          epochs,
          seed,
        },
        environment: { pea: "0.1.0", node: "20.19.0", libtorch: "1.13.0", platform: "linux-x64" },
      };
    }),
  );
}

/** Points above the baseline: better with Mish, and less with a weighted ensemble that ends late. */
function gain(variant: string): number {
  const code = variantOf(variant);
  if (code === null) return { gelu: 1.2, mish: 1.5 }[variant] ?? 0;
  const { ensemble, smooth, end } = code;
  const late = ensemble === "weighted" && "share" in end && end.share > 0.8 && smooth !== "elu";
  const gains: Record<string, number> = { gelu: 0.7, swish: 0.55, mish: 0.95, elu: 0.2 };
  return gains[smooth] - (late ? 1.1 : 0);
}

/** Values from −1 to 1, the same for the same seed (mulberry32). */
function noiseFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Writes results as a study's `results.jsonl`. */
export function writeResults(folder: string, results: readonly Result[]): string {
  const file = join(folder, "results.jsonl");
  writeFileSync(file, results.map((result) => `${JSON.stringify(result)}\n`).join(""));
  return file;
}
