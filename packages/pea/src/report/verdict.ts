/**
 * What a group of runs says about PEA, in words.
 * @module
 */
import { scoreLabels } from "../train/tasks/task.ts";
import { baselineName, type Comparison, percent, signed, verdict } from "./comparison.ts";
import { type Group, groupRuns, settingsThatDiffer, type VariantGroup } from "./groups.ts";
import type { ReportRun } from "./run.ts";

export interface Verdict {
  network: string;
  dataset: string;
  /** The conclusion in one sentence. */
  headline: string;
  /** What it rests on, sentence by sentence. */
  details: string[];
  /** Every variant with the baseline, on the score of the verdict. */
  comparisons: Comparison[];
}

/** The verdicts on runs, one for each network and data set. */
export function verdictsOn(runs: readonly ReportRun[]): Verdict[] {
  return groupRuns(runs).map(verdictOn);
}

/** The verdict on a group of runs: of one seed, that nothing can be concluded. */
export function verdictOn(group: Group): Verdict {
  const { network, dataset } = group;
  const compared = group.variants.flatMap((item) => item.comparisons[group.score] ?? []);
  const [headline, ...details] =
    compared.length === 0
      ? withoutBaseline(group)
      : compared.length === 1
        ? onOne(compared[0] as Comparison)
        : onMany(group, compared);
  const notes = compared.length > 0 ? [...whatIsScored(group), ...caution(group)] : [];
  return {
    network,
    dataset,
    headline: headline as string,
    details: [...details, ...notes],
    comparisons: compared,
  };
}

const NOTHING = "One seed: nothing can be concluded.";

function withoutBaseline({ variants, score, metric }: Group): string[] {
  const scored = variants.filter(({ scores }) => scores[score] !== null);
  if (scored.length === 0) return ["No run has ended yet: there is nothing to compare."];
  const named = scored.map(({ variant, runs, scores }) => {
    const seeds = runs.length === 1 ? `seed ${runs[0]?.seed}` : `${runs.length} seeds`;
    return `${variant} (${seeds}) ${percent(scores[score] as NonNullable<typeof scores.best>)}`;
  });
  const scores = `Test ${scoreLabels[metric]}: ${named.join("; ")}.`;
  const missing = variants.some(({ kind }) => kind === "baseline")
    ? "There is nothing to compare with ReLU on the same seed."
    : "There is no ReLU run of the same seed to compare with: nothing can be concluded about PEA.";
  return [scores, missing];
}

function onOne(comparison: Comparison): string[] {
  return [headlineOf(comparison), verdict(comparison)];
}

/** The conclusion on a variant, with its interval. */
function headlineOf({ variant, difference, paired, conclusion, seeds }: Comparison): string {
  if (seeds.length === 1) return NOTHING;
  if (paired === null) return `${variant} against ${baselineName}: without spread nothing can be concluded.`;
  const [lower, upper] = paired.interval;
  const interval = `95 % interval ${signed(lower)} to ${signed(upper)}`;
  if (conclusion === "undecided")
    return `The seeds show no difference between ${variant} and ${baselineName}: ${signed(difference.mean)} points, ${interval}.`;
  return `${variant} ends ${conclusion} ${baselineName} by ${Math.abs(difference.mean).toFixed(2)} points, ${interval}.`;
}

function onMany(group: Group, compared: readonly Comparison[]): string[] {
  const { variants, score } = group;
  const of = (kind: VariantGroup["kind"]) =>
    variants.filter((item) => item.kind === kind).flatMap((item) => item.comparisons[score] ?? []);
  const pea = of("pea");
  // Without PEA among them, all are alike.
  const subject = pea.length > 0 ? pea : compared;
  const what = pea.length > 0 ? "PEA variants" : "variants";
  const highest = subject.reduce((a, b) => (b.difference.mean > a.difference.mean ? b : a));
  if (compared.every(({ seeds }) => seeds.length === 1))
    return [NOTHING, verdict(highest), ...gap(of("upper limit"), highest)];
  const count = (conclusion: Comparison["conclusion"]) =>
    subject.filter((item) => item.conclusion === conclusion);
  const [above, below, undecided] = [count("above"), count("below"), count("undecided")];
  if (subject.length === 1)
    return [headlineOf(highest), verdict(highest), ...gap(of("upper limit"), highest)];
  const interval = highest.paired
    ? ` (95 % interval ${signed(highest.paired.interval[0])} to ${signed(highest.paired.interval[1])})`
    : "";
  const howMany = above.length === 0 ? "none" : above.length === subject.length ? "all" : above.length;
  const headline =
    `The seeds show ${howMany} of ${subject.length} ${what} above ${baselineName}` +
    `${below.length > 0 ? `, ${below.length} below` : ""}; ` +
    `the highest, ${highest.variant}, is at ${signed(highest.difference.mean)} points${interval}.`;
  return [
    headline,
    ...(undecided.length > 0
      ? [`For ${undecided.length} of them the seeds do not carry the difference: ${list(undecided)}.`]
      : []),
    `${verdict(highest)} As the highest of ${subject.length} its lead is flattered by the choice.`,
    ...(below.length > 0 ? [`Below ${baselineName}: ${list(below)}.`] : []),
    ...gap(of("upper limit"), highest),
  ];
}

const list = (items: readonly Comparison[]): string =>
  items.map(({ variant, difference }) => `${variant} (${signed(difference.mean)})`).join(", ");

/** The upper limit, and how much of its lead the variant reaches: a ratio of means, where both are above the baseline. */
function gap(limits: readonly Comparison[], { variant, difference }: Comparison): string[] {
  if (limits.length === 0) return [];
  const limit = limits.reduce((a, b) => (b.difference.mean > a.difference.mean ? b : a));
  const share = difference.mean / limit.difference.mean;
  const start =
    `Upper limit, ${limit.variant} from start to end: ${percent(limit.accuracy)}, ` +
    `${signed(limit.difference.mean)} points against ${baselineName}`;
  return limit.conclusion === "above" && share > 0
    ? [`${start}; ${variant} reaches ${(100 * share).toFixed(0)} % of that lead and runs with ReLU alone.`]
    : [`${start}.`];
}

function whatIsScored({ score, metric }: Group): string[] {
  const model =
    score === "best"
      ? "of each run's best model of the final phase, chosen on validation images"
      : "of each run's last model";
  return [`Compared is ${scoreLabels[metric]} on the test images ${model}.`];
}

/** Runs that differ in more than the method do not show what the method does. */
function caution({ runs }: Group): string[] {
  const differing = settingsThatDiffer(runs);
  return differing.length === 0
    ? []
    : [
        `These runs differ in more than the method: in ${differing.join(", ")}. The difference is not the method's alone.`,
      ];
}
