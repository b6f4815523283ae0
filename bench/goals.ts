/**
 * What this project sets out to reach, as ratios within one run of the benchmark.
 *
 * @module
 */
import type { ContenderName } from "./contenders.ts";
import { isCostly, MOST } from "./method-costs.ts";
import type { Precision } from "./protocol.ts";
import {
  importedSteps,
  isSameSubject,
  loadings,
  type Measurement,
  type MethodSteps,
  methodSteps,
  millisecondsPerImage,
  type NetworkMeasurement,
  networkMeasurements,
  ratios,
  sharedSteps,
  subjectOf,
  waitingShares,
} from "./results.ts";
import { type Estimate, estimate, geometricMean } from "./statistics.ts";

/** A value that a goal is judged by, and where it was found. */
interface Found extends Estimate {
  where: string;
}

type Bound = readonly [relation: "≤" | "<" | "≥", limit: number];

interface Goal {
  what: string;
  /** null: for information. */
  bound: Bound | null;
  /** Empty where nothing of it was measured. */
  find(measurements: readonly Measurement[]): Found[];
}

/** Undecided: the interval holds the bound, so the noise is larger than what it is judged by. */
export type Outcome = "met" | "undecided" | "missed";

/** What became of a goal, and the value that it hangs on: the worst of those with this outcome. */
export interface Verdict {
  what: string;
  /** "≤ 1.03"; empty: for information. */
  bound: string;
  /** null: not measured. */
  worst: Found | null;
  /** null: not measured, or for information. */
  outcome: Outcome | null;
}

/** This project's contenders, each with the PyTorch on the same generation of libtorch. */
const PAIRS: readonly (readonly [own: ContenderName, peer: ContenderName])[] = [
  ["pea", "torch1"],
  ["pea-libtorch2", "torch2"],
];

const GOALS: readonly Goal[] = [
  {
    what: "PEA step ÷ own ReLU step",
    bound: ["≤", 1.03],
    find: (all) =>
      OWN.flatMap((contender) =>
        peaSteps(all, contender).flatMap((step) =>
          compare(step, reluSteps(all, contender, step.workload.precision)),
        ),
      ),
  },
  {
    what: "PEA step ÷ tuned PyTorch's ReLU step (fp32)",
    bound: ["≤", 1],
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        peaSteps(all, own, "fp32").flatMap((step) => compare(step, reluSteps(all, peer, "fp32"))),
      ),
  },
  {
    what: "own ReLU step ÷ tuned PyTorch's ReLU step (fp32)",
    bound: ["≤", 0.9],
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        reluSteps(all, own, "fp32").flatMap((step) => compare(step, reluSteps(all, peer, "fp32"))),
      ),
  },
  {
    what: "tuned PyTorch 1.13's PEA step ÷ ours, geometric mean (fp32)",
    bound: ["≥", 3],
    find: (all) => {
      const samples = peaSteps(all, "torch1", "fp32").flatMap((step) =>
        sameNumbers(all, step, "pea").map((own) => ratios(step, own)),
      );
      return samples.length === 0 ? [] : [found(`${samples.length} steps`, samples, geometricMean)];
    },
  },
  {
    what: "PEA step on libtorch 2 ÷ PyTorch 2's compiled PEA step",
    bound: ["≤", 1],
    find: (all) =>
      peaSteps(all, "pea-libtorch2").flatMap((step) =>
        compare(step, sameNumbers(all, step, "torch2-compiled")),
      ),
  },
  {
    what: "bf16 PEA step ÷ PyTorch's fp32 ReLU step, ResNet-18",
    bound: ["≤", 0.6],
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        peaSteps(all, own, "bf16")
          .filter((step) => step.workload.network === "resnet18")
          .flatMap((step) => compare(step, reluSteps(all, peer, "fp32"))),
      ),
  },
  {
    what: "bf16 PEA step ÷ PyTorch's bf16 ReLU step",
    bound: null,
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        peaSteps(all, own, "bf16").flatMap((step) => compare(step, reluSteps(all, peer, "bf16"))),
      ),
  },
  {
    what: "step of an imported network ÷ of the same network in TypeScript (fp32)",
    bound: ["≤", 1.05],
    find: (all) =>
      importedSteps(all).map(({ imported, written }) =>
        found(describe(imported), [ratios(imported, written)]),
      ),
  },
  {
    what: "step of two ranks of one thread ÷ of one process of two",
    bound: ["≤", 1],
    find: (all) =>
      stepsOfTwo(all)
        .filter(({ shared }) => OWN.includes(shared.contender))
        .flatMap(({ shared, alone }) => (alone ? [found(describe(shared), [ratios(shared, alone)])] : [])),
  },
  {
    what: "step of two ranks ÷ that of tuned PyTorch's DistributedDataParallel with ReLU",
    bound: ["≤", 0.8],
    find: (all) => {
      const steps = stepsOfTwo(all).map(({ shared }) => shared);
      return PAIRS.flatMap(([own, peer]) =>
        steps
          .filter(({ contender }) => contender === own)
          .flatMap((step) =>
            compare(
              step,
              steps.filter(({ contender }) => contender === peer),
            ),
          ),
      );
    },
  },
  {
    what: "share of ResNet-18's step in which a rank waits for the other",
    bound: ["≤", 0.1],
    find: (all) =>
      stepsOfTwo(all)
        .filter(
          ({ shared: { contender, workload } }) => OWN.includes(contender) && workload.network === "resnet18",
        )
        .map(({ shared }) => found(describe(shared), [waitingShares(shared)])),
  },
  {
    what: "step with a training method ÷ of ReLU alone (fp32)",
    bound: ["≤", MOST],
    find: (all) => methodsToReLU(all, ({ method, network }) => !isCostly(method, network)),
  },
  {
    what: "the same of methods that cost more, as their READMEs say",
    bound: null,
    find: (all) => methodsToReLU(all, ({ method, network }) => isCostly(method, network)),
  },
  {
    what: "ensemble forward ÷ copying 51 MB (fp32)",
    bound: ["≤", 1.15],
    find: (all) => activationsToCopy(all, "forward"),
  },
  {
    what: "ensemble backward ÷ copying 51 MB (fp32)",
    bound: ["≤", 1.8],
    find: (all) => activationsToCopy(all, "backward"),
  },
  {
    what: "an operator of 16 elements, microseconds",
    bound: ["≤", 5],
    find: (all) =>
      all.flatMap(({ contender, workload, rounds }) =>
        workload.kind === "overhead" && OWN.includes(contender)
          ? [found(contender, [rounds.map((time) => (time * 1000) / workload.calls)])]
          : [],
      ),
  },
  {
    what: "peak memory of a PEA step ÷ PyTorch's ReLU step (fp32)",
    bound: ["≤", 0.8],
    find: (all) =>
      PAIRS.flatMap(([own, peer]) =>
        networkMeasurements(all, "memory", { contender: own, precision: "fp32" })
          .filter(isPea)
          .flatMap((step) =>
            compare(
              step,
              networkMeasurements(all, "memory", { contender: peer, activation: "relu", precision: "fp32" }),
            ),
          ),
      ),
  },
  {
    what: "images the loader gives ÷ images MobileNet-0.25 takes",
    bound: ["≥", 1.5],
    find: (all) =>
      loadings(all)
        .filter(({ contender }) => OWN.includes(contender))
        .map(({ contender, step, alone }) => {
          const needed = millisecondsPerImage(alone);
          const sample = millisecondsPerImage(step).map(
            (time, round) => time / (needed[round] ?? Number.NaN),
          );
          return found(`${subjectOf(step)}, ${contender}`, [sample]);
        }),
  },
  {
    what: "minor page faults of a PEA step",
    bound: ["<", 100],
    find: (all) =>
      OWN.flatMap((contender) =>
        peaSteps(all, contender).map((step) => found(describe(step), [step.minorFaults])),
      ),
  },
];

const OWN: readonly ContenderName[] = PAIRS.map(([own]) => own);

/** Steps of two ranks as they run on one machine: those over sockets are for the formula alone. */
const stepsOfTwo = (all: readonly Measurement[]) =>
  sharedSteps(all).filter(({ shared }) => !shared.workload.sockets);

/**
 * Judges every goal: missed where a value misses it with all its interval, met where all values meet it with theirs.
 *
 * @throws Error where a value is not finite
 */
export function judge(measurements: readonly Measurement[]): Verdict[] {
  return GOALS.map(({ what, bound, find }) => {
    const judged = find(measurements).map((worst) => ({
      worst,
      outcome: bound === null ? null : outcomeOf(worst, bound),
    }));
    const sign = bound?.[0] === "≥" ? -1 : 1;
    const [first = { worst: null, outcome: null }] = judged.toSorted(
      (a, b) => gravity(b.outcome) - gravity(a.outcome) || sign * (b.worst.value - a.worst.value),
    );
    return { what, bound: bound?.join(" ") ?? "", ...first };
  });
}

const HOLDS = {
  "≤": (value: number, limit: number) => value <= limit,
  "<": (value: number, limit: number) => value < limit,
  "≥": (value: number, limit: number) => value >= limit,
} as const;

function outcomeOf({ interval: [low, high] }: Estimate, [relation, limit]: Bound): Outcome {
  const [better, worse] = relation === "≥" ? [high, low] : [low, high];
  const holds = HOLDS[relation];
  return holds(worse, limit) ? "met" : holds(better, limit) ? "undecided" : "missed";
}

/** Later is graver. */
function gravity(outcome: Outcome | null): number {
  return [null, "met", "undecided", "missed"].indexOf(outcome);
}

function found(where: string, samples: readonly number[][], combine?: typeof geometricMean): Found {
  try {
    return { where, ...estimate(samples, combine) };
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`);
  }
}

function peaSteps(
  all: readonly Measurement[],
  contender: ContenderName,
  precision?: Precision,
): NetworkMeasurement[] {
  return networkMeasurements(all, "step", { contender, precision }).filter(isPea);
}

function reluSteps(
  all: readonly Measurement[],
  contender: ContenderName,
  precision: Precision,
): NetworkMeasurement[] {
  return networkMeasurements(all, "step", { contender, activation: "relu", precision });
}

/** Steps of `contender` with the activation and the precision of `step`, on the same subject. */
function sameNumbers(
  all: readonly Measurement[],
  step: NetworkMeasurement,
  contender: ContenderName,
): NetworkMeasurement[] {
  const { activation, precision } = step.workload;
  return networkMeasurements(all, "step", { contender, activation, precision }).filter((other) =>
    isSameSubject(step, other),
  );
}

const isPea = ({ workload }: NetworkMeasurement): boolean => workload.activation !== "relu";

/** `step` divided by that of `others` which is of the same network and batch size, if there is one. */
function compare(step: NetworkMeasurement, others: readonly NetworkMeasurement[]): Found[] {
  return others
    .filter((other) => isSameSubject(step, other))
    .map((other) => found(describe(step), [ratios(step, other)]));
}

function activationsToCopy(all: readonly Measurement[], part: "forward" | "backward"): Found[] {
  return OWN.flatMap((contender) => {
    const own = all.filter((measurement) => measurement.contender === contender);
    const copy = own.find(({ workload }) => workload.kind === "copy");
    if (copy === undefined) return [];
    return own.flatMap((measurement) => {
      const { workload } = measurement;
      return workload.kind === "activation" && workload.activation !== "relu" && workload.precision === "fp32"
        ? [found(`${workload.activation}, ${contender}`, [ratios(measurement, copy, part)])]
        : [];
    });
  });
}

function methodsToReLU(all: readonly Measurement[], isMeant: (steps: MethodSteps) => boolean): Found[] {
  return methodSteps(all)
    .filter(isMeant)
    .map(({ method, subject, own, plain }) => found(`${subject}, ${method}`, [ratios(own, plain)]));
}

function describe(step: NetworkMeasurement): string {
  const { activation, precision } = step.workload;
  return `${subjectOf(step)}, ${precision} ${activation}, ${step.contender}`;
}
