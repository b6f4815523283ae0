/**
 * What this project sets out to reach, as ratios within one run of the benchmark.
 *
 * @module
 */
import type { ContenderName } from "./contenders.ts";
import {
  isSameSubject,
  loadings,
  type Measurement,
  millisecondsPerImage,
  type NetworkMeasurement,
  networkMeasurements,
  ratio,
  subjectOf,
} from "./results.ts";
import { geometricMean, median } from "./statistics.ts";

/** A value that a goal is judged by, and where it was found. */
interface Found {
  value: number;
  where: string;
}

interface Goal {
  what: string;
  /** The goal is met by values that are `atMost` or `atLeast` this. */
  bound: { atMost: number } | { atLeast: number };
  /** Empty where nothing of it was measured. */
  find(measurements: readonly Measurement[]): Found[];
}

/** A goal with the value furthest from being good. */
export interface Verdict {
  what: string;
  /** "≤ 1.03". */
  bound: string;
  /** null: not measured. */
  worst: Found | null;
  isMet: boolean;
}

/** This project's contenders, each with the PyTorch on the same generation of libtorch. */
const PAIRS: readonly (readonly [own: ContenderName, peer: ContenderName])[] = [
  ["pea", "torch1"],
  ["pea-libtorch2", "torch2"],
];

const GOALS: readonly Goal[] = [
  {
    what: "PEA step ÷ own ReLU step",
    bound: { atMost: 1.03 },
    find: (all) =>
      OWN.flatMap((contender) =>
        peaSteps(all, contender).flatMap((step) =>
          compare(
            step,
            networkMeasurements(all, "step", {
              contender,
              activation: "relu",
              precision: step.workload.precision,
            }),
          ),
        ),
      ),
  },
  {
    what: "PEA step ÷ tuned PyTorch's ReLU step",
    bound: { atMost: 1 },
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        peaSteps(all, own)
          .filter(isFloat32)
          .flatMap((step) => compare(step, reluSteps(all, peer))),
      ),
  },
  {
    what: "own ReLU step ÷ tuned PyTorch's ReLU step",
    bound: { atMost: 0.9 },
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        reluSteps(all, own).flatMap((step) => compare(step, reluSteps(all, peer))),
      ),
  },
  {
    what: "tuned PyTorch 1.13's PEA step ÷ ours, geometric mean",
    bound: { atLeast: 3 },
    find: (all) => {
      const ratios = peaSteps(all, "torch1").flatMap((step) =>
        compare(step, networkMeasurements(all, "step", { contender: "pea", ...sameNumbers(step) })).map(
          ({ value }) => value,
        ),
      );
      return ratios.length === 0 ? [] : [{ value: geometricMean(ratios), where: `${ratios.length} steps` }];
    },
  },
  {
    what: "PEA step on libtorch 2 ÷ PyTorch 2's compiled PEA step",
    bound: { atMost: 1 },
    find: (all) =>
      peaSteps(all, "pea-libtorch2").flatMap((step) =>
        compare(
          step,
          networkMeasurements(all, "step", { contender: "torch2-compiled", ...sameNumbers(step) }),
        ),
      ),
  },
  {
    what: "bf16 PEA step ÷ PyTorch's fp32 ReLU step, ResNet-18",
    bound: { atMost: 0.6 },
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        peaSteps(all, own)
          .filter((step) => !isFloat32(step) && step.workload.network === "resnet18")
          .flatMap((step) => compare(step, reluSteps(all, peer))),
      ),
  },
  {
    what: "ensemble forward ÷ copying 51 MB",
    bound: { atMost: 1.15 },
    find: (all) => activationsToCopy(all, "forward"),
  },
  {
    what: "ensemble backward ÷ copying 51 MB",
    bound: { atMost: 1.8 },
    find: (all) => activationsToCopy(all, "backward"),
  },
  {
    what: "an operator of 16 elements, microseconds",
    bound: { atMost: 5 },
    find: (all) =>
      all.flatMap(({ contender, workload, rounds }) =>
        workload.kind === "overhead" && OWN.includes(contender)
          ? [{ value: (median(rounds) * 1000) / workload.calls, where: contender }]
          : [],
      ),
  },
  {
    what: "peak memory of a PEA step ÷ PyTorch's ReLU step",
    bound: { atMost: 0.8 },
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        networkMeasurements(all, "memory", { contender: own, precision: "fp32" })
          .filter(isPea)
          .flatMap((step) =>
            compare(step, networkMeasurements(all, "memory", { contender: peer, activation: "relu" })),
          ),
      ),
  },
  {
    what: "images the loader gives ÷ images MobileNet-0.25 takes",
    bound: { atLeast: 1.5 },
    find: (all) =>
      loadings(all)
        .filter(({ contender }) => OWN.includes(contender))
        .map(({ contender, step, alone }) => {
          const needed = millisecondsPerImage(alone);
          const ratios = millisecondsPerImage(step).map(
            (time, round) => time / (needed[round] ?? Number.NaN),
          );
          return { value: median(ratios), where: `${subjectOf(step)}, ${contender}` };
        }),
  },
  {
    what: "minor page faults of a PEA step",
    bound: { atMost: 100 },
    find: (all) =>
      OWN.flatMap((contender) =>
        peaSteps(all, contender).map((step) => ({
          value: median(step.minorFaults),
          where: describe(step),
        })),
      ),
  },
];

const OWN: readonly ContenderName[] = PAIRS.map(([own]) => own);

/** Judges every goal by its worst value. */
export function judge(measurements: readonly Measurement[]): Verdict[] {
  return GOALS.map(({ what, bound, find }) => {
    const isAtMost = "atMost" in bound;
    const sign = isAtMost ? 1 : -1;
    const limit = isAtMost ? bound.atMost : bound.atLeast;
    const [worst = null] = find(measurements).toSorted((a, b) => sign * (b.value - a.value));
    return {
      what,
      bound: `${isAtMost ? "≤" : "≥"} ${limit}`,
      worst,
      isMet: worst !== null && sign * (worst.value - limit) <= 0,
    };
  });
}

function peaSteps(all: readonly Measurement[], contender: ContenderName): NetworkMeasurement[] {
  return networkMeasurements(all, "step", { contender }).filter(isPea);
}

function reluSteps(all: readonly Measurement[], contender: ContenderName): NetworkMeasurement[] {
  return networkMeasurements(all, "step", { contender, activation: "relu", precision: "fp32" });
}

function sameNumbers({ workload: { activation, precision } }: NetworkMeasurement) {
  return { activation, precision };
}

const isPea = ({ workload }: NetworkMeasurement): boolean => workload.activation !== "relu";
const isFloat32 = ({ workload }: NetworkMeasurement): boolean => workload.precision === "fp32";

/** `step` divided by that of `others` which is of the same network and batch size, if there is one. */
function compare(step: NetworkMeasurement, others: readonly NetworkMeasurement[]): Found[] {
  return others
    .filter((other) => isSameSubject(step, other))
    .map((other) => ({ value: ratio(step, other), where: describe(step) }));
}

function activationsToCopy(all: readonly Measurement[], part: "forward" | "backward"): Found[] {
  return OWN.flatMap((contender) => {
    const own = all.filter((measurement) => measurement.contender === contender);
    const copy = own.find(({ workload }) => workload.kind === "copy");
    if (copy === undefined) return [];
    return own.flatMap((measurement) =>
      measurement.workload.kind === "activation" && measurement.workload.activation !== "relu"
        ? [
            {
              value: ratio(measurement, copy, part),
              where: `${measurement.workload.activation}, ${contender}`,
            },
          ]
        : [],
    );
  });
}

function describe(step: NetworkMeasurement): string {
  const { activation, precision } = step.workload;
  return `${subjectOf(step)}, ${precision} ${activation}, ${step.contender}`;
}
