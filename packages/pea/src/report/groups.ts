/**
 * The runs of a report as they are compared: grouped by network and data set, in each group by variant.
 * @module
 */
import { ownSmooth, type SmoothName, type Variant } from "@pea/core";
import { type ComparedScore, compareRuns } from "../compare/compare-runs.ts";
import { groupBy } from "../compare/group-by.ts";
import type { Score } from "../compare/outcomes.ts";
import { sample } from "../compare/statistics/index.ts";
import { isUpperLimit, variantOf } from "../compare/table-figures.ts";
import { baselineName } from "../methods/variant-name.ts";
import { activationIn, methodKeyNames } from "../recipe/method-keys.ts";
import { circumstances } from "../recipe/recipe-identity.ts";
import type { EpochPoint } from "../run/run-course.ts";
import { type ComparedBeside, compareBeside } from "../study/compared-beside.ts";
import { isFinished, type StudyPlan, type StudyTarget } from "../study/study-file.ts";
import type { MetricName } from "../tasks/task.ts";
import type { ReportRun } from "./run.ts";

export type VariantKind = "baseline" | "pea" | "upper limit" | "other";

/** The runs of one network on one data set. */
export interface Group {
  network: string;
  dataset: string;
  metric: MetricName;
  runs: ReportRun[];
  /** Runs of a study that is not finished: those that have ended, and those planned; null for any other. */
  unfinished: { ended: number; planned: number } | null;
  /** What a study exports its runs to. */
  targets: readonly StudyTarget[];
  /** What a study compares its variants with besides ReLU; null: nothing. */
  reference: string | null;
  /** Its variants beside what it trains them beside. */
  beside: readonly ComparedBeside[];
  /** The score that the verdict is on: `best` where every run that has ended has one, so that none has more to choose from. */
  score: Score;
  /** Baseline first, then PEA, upper limits and others, each from the highest score down. */
  variants: VariantGroup[];
}

/** The runs of one variant, over seeds. */
export interface VariantGroup {
  variant: string;
  kind: VariantKind;
  runs: ReportRun[];
  /** On the test part. */
  scores: Readonly<Record<Score, ComparedScore>>;
  curves: CurvePoint[];
}

export type Curve = Exclude<keyof EpochPoint, "epoch">;

/** The values of a variant's runs after an epoch; a curve without a value is left out. */
export interface CurvePoint {
  epoch: number;
  values: Partial<Record<Curve, { mean: number; low: number; high: number }>>;
}

const kinds: readonly VariantKind[] = ["baseline", "pea", "upper limit", "other"];

/**
 * Groups runs by network and data set, in the order in which they come.
 *
 * @param plan of the study that they are the runs of
 */
export function groupRuns(runs: readonly ReportRun[], plan: StudyPlan | null = null): Group[] {
  const groups = groupBy(runs, ({ network, dataset, metric }) => JSON.stringify([network, dataset, metric]));
  return [...groups.values()].map((group) => toGroup(group, plan));
}

function toGroup(runs: ReportRun[], plan: StudyPlan | null): Group {
  const { network, dataset, metric } = runs[0] as ReportRun;
  const ended = runs.flatMap(({ test, ...run }) => (test === null ? [] : { ...run, test }));
  const score: Score = ended.length > 0 && ended.every(({ test }) => test.best !== null) ? "best" : "last";
  const unfinished =
    plan === null || isFinished(plan, ended.length)
      ? null
      : { ended: ended.length, planned: plan.runsPerNetwork };
  const { against: reference = null, targets = [] } = plan ?? {};
  const options = { isFinished: unfinished === null, reference: reference ?? undefined };
  const compared = compareRuns(ended, options);
  const beside = plan === null ? [] : compareBeside(ended, plan.beside, options);
  const variants = [...groupBy(runs, ({ variant }) => variant)].map(
    ([variant, ofVariant]): VariantGroup => ({
      variant,
      kind: kindOf(ofVariant),
      runs: ofVariant,
      scores: compared.get(variant) ?? { best: notScored, last: notScored },
      curves: curvesOf(ofVariant),
    }),
  );
  const height = ({ scores }: VariantGroup) => scores[score].sample?.mean ?? Number.NEGATIVE_INFINITY;
  variants.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || height(b) - height(a) || 0);
  return { network, dataset, metric, runs, unfinished, targets, reference, beside, score, variants };
}

/** Of a variant none of whose runs has ended. */
const notScored: ComparedScore = { sample: null, comparison: null, against: null };

function kindOf(runs: readonly ReportRun[]): VariantKind {
  const { variant, settings } = runs[0] as ReportRun;
  if (variant === baselineName) return "baseline";
  if (codeOf(runs)) return "pea";
  const isSmooth = smoothOf(runs) !== null && !activationIn(settings).isSwapped;
  return isSmooth ? "upper limit" : "other";
}

/** The variant code that runs were trained with, whatever their name; null for another method. */
function codeOf(runs: readonly ReportRun[]): Variant | null {
  const { variant, settings } = runs[0] as ReportRun;
  return variantOf(activationIn(settings).code ?? variant);
}

/** The smooth activation of a variant's runs: that of the ensemble, or that of an upper limit; null where there is none. */
export function smoothOf(runs: readonly ReportRun[]): SmoothName | null {
  const { variant, settings } = runs[0] as ReportRun;
  const { activation = variant } = activationIn(settings);
  const smooth = codeOf(runs)?.smooth;
  if (smooth === ownSmooth) return null;
  return smooth ?? (isUpperLimit(activation) ? (activation as SmoothName) : null);
}

const curveNames: readonly Curve[] = [
  "trainLoss",
  "validationLoss",
  "currentScore",
  "deployedScore",
  "alpha",
  "learningRate",
  "imagesPerSecond",
];

function curvesOf(runs: readonly ReportRun[]): CurvePoint[] {
  const byEpoch = groupBy(
    runs.flatMap(({ epochs }) => epochs),
    ({ epoch }) => String(epoch),
  );
  return [...byEpoch.values()]
    .map((points) => ({
      epoch: (points[0] as EpochPoint).epoch,
      values: Object.fromEntries(
        curveNames.flatMap((name) => {
          const values = points.map((point) => point[name] ?? null).filter((value) => value !== null);
          if (values.length === 0) return [];
          const { mean } = sample(values);
          return [[name, { mean, low: Math.min(...values), high: Math.max(...values) }]];
        }),
      ),
    }))
    .sort((a, b) => a.epoch - b.epoch);
}

/**
 * The variants whose curves are shown at first: the baseline, the best of each ensemble and the best upper limit; of six
 * or fewer all.
 */
export function shownAtFirst({ variants }: Group): string[] {
  if (variants.length <= 6) return variants.map(({ variant }) => variant);
  // Each kind stands from its highest score down.
  const first = (belongs: (item: VariantGroup) => boolean) => variants.find(belongs)?.variant ?? [];
  return [
    first(({ kind }) => kind === "baseline"),
    first(({ runs }) => codeOf(runs)?.ensemble === "stochastic"),
    first(({ runs }) => codeOf(runs)?.ensemble === "weighted"),
    first(({ kind }) => kind === "upper limit"),
  ].flat();
}

/** Settings that say which of the compared runs it is, or that do not change what it computes. */
const settingsApart: ReadonlySet<string> = new Set([
  ...["model", "data", "seed"],
  ...methodKeyNames,
  ...circumstances,
]);

/**
 * Names of the settings besides method and seed in which runs of a group differ, as far as the settings are known. What all runs of
 * a seed have in common goes with the seed, as the network that each begins with may.
 */
export function settingsThatDiffer(runs: readonly ReportRun[]): string[] {
  const known = runs.filter(({ settings }) => Object.keys(settings).length > 0);
  const names = new Set(known.flatMap(({ settings }) => Object.keys(settings)));
  const bySeed = [...new Set(known.map(({ seed }) => seed))].map((seed) =>
    known.filter((run) => run.seed === seed),
  );
  const differIn = (name: string, some: readonly ReportRun[]) =>
    new Set(some.map(({ settings }) => JSON.stringify(settings[name]))).size > 1;
  const arePaired = bySeed.some(({ length }) => length > 1);
  return [...names].filter(
    (name) =>
      !settingsApart.has(name) &&
      differIn(name, known) &&
      (!arePaired || bySeed.some((pair) => differIn(name, pair))),
  );
}
