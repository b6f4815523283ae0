/**
 * What a run of the benchmark found, and how two findings are compared.
 *
 * @module
 */
import type { Suite } from "./cases.ts";
import type { CodeState } from "./code.ts";
import type { ContenderName } from "./contenders.ts";
import type { Machine } from "./machine.ts";
import {
  type ActivationVariant,
  type BenchMethod,
  type Description,
  type LoaderWorkload,
  type NetworkWorkload,
  type Precision,
  ranksOf,
  type Workload,
} from "./protocol.ts";
import { median } from "./statistics.ts";
import type { Choices } from "./tuning.ts";

/** One case: the values of its rounds, in order. */
export interface Measurement {
  suite: Suite;
  contender: ContenderName;
  threads: number;
  workload: Workload;
  /** Of `rounds`: milliseconds of one repetition, or the peak of resident memory. */
  unit: "ms" | "MiB";
  rounds: number[];
  /** Milliseconds of the parts of a repetition. */
  parts: Record<string, number[]>;
  /** Per repetition. */
  minorFaults: number[];
}

/** The file results.json. */
export interface Results {
  machine: Machine;
  /** By contender. */
  versions: Partial<Record<ContenderName, Description>>;
  code: CodeState;
  quick: boolean;
  /** Names of the groups asked for, and of those whose measurements are here. */
  groups: string[];
  ended: string[];
  /** What the peers run with. */
  settings: Choices;
  /** By group: processors that others kept busy just before it. */
  load: Record<string, number>;
  measurements: Measurement[];
  /** Groups that gave no measurements, and the first line of what went wrong. */
  failures: { group: string; error: string }[];
}

/** A measurement of a network. */
export type NetworkMeasurement = Measurement & { workload: NetworkWorkload };

/** A measurement of a loader. */
export type LoaderMeasurement = Measurement & { workload: LoaderWorkload };

/** What was measured of loaders and of the training step that they feed. */
export interface Loading {
  contender: ContenderName;
  step: NetworkMeasurement;
  alone: LoaderMeasurement;
  together: LoaderMeasurement;
}

/** The loaders that were measured. */
export function loadings(measurements: readonly Measurement[]): Loading[] {
  return networkMeasurements(measurements, "loader").flatMap((step) => {
    const loaders = measurements.filter(
      (item): item is LoaderMeasurement =>
        item.suite === "loader" && item.workload.kind === "loader" && item.contender === step.contender,
    );
    const alone = loaders.find(({ workload }) => workload.step === null);
    const together = loaders.find(({ workload }) => workload.step !== null);
    return alone && together ? [{ contender: step.contender, step, alone, together }] : [];
  });
}

/** Milliseconds per image, round by round. */
export function millisecondsPerImage({ workload, rounds }: NetworkMeasurement | LoaderMeasurement): number[] {
  const images =
    workload.kind === "loader"
      ? workload.batch * Math.floor(workload.images / workload.batch)
      : workload.batch;
  return rounds.map((time) => time / images);
}

/** Measurements of networks in `suite` that fit every property given. */
export function networkMeasurements(
  measurements: readonly Measurement[],
  suite: Suite,
  wanted: { contender?: ContenderName; activation?: ActivationVariant; precision?: Precision } = {},
): NetworkMeasurement[] {
  return measurements
    .filter((measurement): measurement is NetworkMeasurement => "network" in measurement.workload)
    .filter(
      ({ suite: its, contender, workload }) =>
        its === suite &&
        (wanted.contender ?? contender) === contender &&
        (wanted.activation ?? workload.activation) === workload.activation &&
        (wanted.precision ?? workload.precision) === workload.precision,
    );
}

/** Steps of imported networks, and of the same ones written in TypeScript. */
export function importedSteps(
  measurements: readonly Measurement[],
): { imported: NetworkMeasurement; written: NetworkMeasurement }[] {
  const steps = networkMeasurements(measurements, "imported");
  return steps
    .filter(({ workload }) => workload.imported)
    .flatMap((imported) => {
      const written = steps.find(
        (step) =>
          !step.workload.imported &&
          isSameSubject(step, imported) &&
          step.workload.activation === imported.workload.activation,
      );
      return written === undefined ? [] : [{ imported, written }];
    });
}

/** Steps with a training method, and of the same network with ReLU alone. */
export interface MethodSteps {
  method: BenchMethod;
  network: string;
  /** In words: network, batch size, and whether its images are streamed. */
  subject: string;
  own: Measurement;
  plain: Measurement;
}

/** Steps with training methods; those of images that are streamed by the time of an epoch for each of its steps. */
export function methodSteps(measurements: readonly Measurement[]): MethodSteps[] {
  const steps = measurements
    .filter(({ suite }) => suite === "methods")
    .flatMap((measurement) => {
      const { workload } = measurement;
      if ("network" in workload)
        return { measurement, step: workload, subject: `${workload.network}, batch ${workload.batch}` };
      if (workload.kind !== "loader" || workload.step === null) return [];
      const { step, images, batch } = workload;
      const rounds = measurement.rounds.map((time) => (time * batch) / images);
      return {
        measurement: { ...measurement, rounds },
        step,
        subject: `${step.network}, batch ${batch}, streamed`,
      };
    });
  return steps.flatMap(({ measurement: own, step: { method, network }, subject }) => {
    const plain = steps.find((other) => other.step.method === undefined && other.subject === subject);
    return method && plain ? [{ method, network, subject, own, plain: plain.measurement }] : [];
  });
}

/** Steps that processes share, with those of one process on the same batch, activation and contender. */
export function sharedSteps(
  measurements: readonly Measurement[],
): { shared: NetworkMeasurement; alone: NetworkMeasurement | undefined }[] {
  const steps = networkMeasurements(measurements, "distributed");
  const isShared = ({ workload }: NetworkMeasurement) => ranksOf(workload) > 1;
  return steps.filter(isShared).map((shared) => ({
    shared,
    alone: steps.find(
      (step) =>
        !isShared(step) &&
        step.contender === shared.contender &&
        step.workload.activation === shared.workload.activation &&
        isSameSubject(step, shared),
    ),
  }));
}

/** The share of each round's step in which a rank waits. */
export function waitingShares(step: NetworkMeasurement): number[] {
  return valuesOf(step, "waiting").map((time, round) => time / (step.rounds[round] ?? Number.NaN));
}

/** Whether two measurements are of one network, batch size and number of threads. */
export function isSameSubject(a: NetworkMeasurement, b: NetworkMeasurement): boolean {
  return (
    a.workload.network === b.workload.network &&
    a.workload.batch === b.workload.batch &&
    a.threads === b.threads
  );
}

/**
 * a's value divided by b's, round by round; both must be of one group.
 *
 * @param part of a repetition; default: all of it
 */
export function ratios(a: Measurement, b: Measurement, part?: string): number[] {
  const divisors = valuesOf(b, part);
  return valuesOf(a, part).map((value, round) => value / (divisors[round] ?? Number.NaN));
}

/** The median of `ratios`. */
export function ratio(a: Measurement, b: Measurement, part?: string): number {
  return median(ratios(a, b, part));
}

/** The values of the rounds; a workload without such a part counts whole. */
export function valuesOf({ rounds, parts }: Measurement, part?: string): number[] {
  return (part === undefined ? undefined : parts[part]) ?? rounds;
}

/** "resnet18, batch 16". */
export function subjectOf({ workload: { network, batch } }: NetworkMeasurement): string {
  return `${network}, batch ${batch}`;
}
