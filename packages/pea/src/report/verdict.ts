/**
 * What a group of runs says about PEA, in words.
 * @module
 */

import type { Comparison } from "../compare/compare.ts";
import type { Sample } from "../compare/statistics/index.ts";
import { signed } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import type { StudyPlan } from "../study/study-file.ts";
import { scoreLabel } from "../tasks/task.ts";
import { percent, verdict } from "./comparison.ts";
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
export function verdictsOn(runs: readonly ReportRun[], plan: StudyPlan | null = null): Verdict[] {
  return groupRuns(runs, plan).map(verdictOn);
}

/** The verdict on a group of runs: of one seed, or of a study that is not finished, that nothing can be concluded. */
export function verdictOn(group: Group): Verdict {
  const { network, dataset } = group;
  const compared = group.variants.flatMap(({ scores }) => scores[group.score].comparison ?? []);
  const [headline, ...details] =
    compared.length === 0
      ? withoutBaseline(group)
      : compared.length === 1
        ? onOne(compared[0] as Comparison)
        : onMany(group, compared);
  const notes = compared.length > 0 ? [...whatIsScored(group, compared), ...caution(group)] : [];
  return {
    network,
    dataset,
    headline: headline as string,
    details: [...details, ...notes],
    comparisons: compared,
  };
}

const ONE_SEED = "One seed: nothing can be concluded.";

function withoutBaseline({ variants, score, metric }: Group): string[] {
  const scored = variants.filter(({ scores }) => scores[score].sample !== null);
  if (scored.length === 0) return ["No run has ended yet: there is nothing to compare."];
  const named = scored.map(({ variant, runs, scores }) => {
    const seeds = runs.length === 1 ? `seed ${runs[0]?.seed}` : `${runs.length} seeds`;
    return `${variant} (${seeds}) ${percent(scores[score].sample as Sample)}`;
  });
  const scores = `Test ${scoreLabel(metric)}: ${named.join("; ")}.`;
  const missing = variants.some(({ kind }) => kind === "baseline")
    ? "There is nothing to compare with ReLU on the same seed."
    : "There is no ReLU run of the same seed to compare with: nothing can be concluded about PEA.";
  return [scores, missing];
}

function onOne(comparison: Comparison): string[] {
  return [headlineOf(comparison), verdict(comparison)];
}

/** The conclusion on a variant, with its interval. */
function headlineOf({ variant, difference, paired, conclusion, obstacle }: Comparison): string {
  if (obstacle === "one seed") return ONE_SEED;
  if (obstacle !== null || paired === null)
    return `${variant} against ${baselineName}: nothing can be concluded (${obstacle}).`;
  const [lower, upper] = paired.interval;
  const interval = `95 % interval ${signed(lower)} to ${signed(upper)}`;
  if (conclusion === "undecided")
    return `The seeds show no difference between ${variant} and ${baselineName}: ${signed(difference.mean)} points, ${interval}.`;
  return `${variant} ends ${conclusion} ${baselineName} by ${Math.abs(difference.mean).toFixed(2)} points, ${interval}.`;
}

function onMany(group: Group, compared: readonly Comparison[]): string[] {
  const { variants, score, unfinished } = group;
  const of = (kind: VariantGroup["kind"]) =>
    variants.filter((item) => item.kind === kind).flatMap(({ scores }) => scores[score].comparison ?? []);
  const pea = of("pea");
  // Without PEA among them, all are alike.
  const subject = pea.length > 0 ? pea : compared;
  const what = pea.length > 0 ? "PEA variants" : "variants";
  const highest = highestOf(subject);
  const limits = gap(of("upper limit"), highest);
  if (unfinished !== null)
    return [
      `Not finished: ${unfinished.ended} of ${unfinished.planned} runs. Nothing can be concluded before all are there.`,
      verdict(highest),
    ];
  if (compared.every(({ seeds }) => seeds.length === 1)) return [ONE_SEED, verdict(highest), ...limits];
  if (subject.length === 1) return [headlineOf(highest), verdict(highest), ...limits];
  const [above, below, undecided] = (["above", "below", "undecided"] as const).map((conclusion) =>
    subject.filter((item) => item.conclusion === conclusion),
  ) as [Comparison[], Comparison[], Comparison[]];
  const howMany = above.length === 0 ? "none" : above.length === subject.length ? "all" : above.length;
  const best = highestOf(above.length > 0 ? above : subject);
  const interval = best.paired
    ? ` (95 % interval ${signed(best.paired.interval[0])} to ${signed(best.paired.interval[1])}, for this comparison alone)`
    : "";
  const headline =
    `The seeds show ${howMany} of ${subject.length} ${what} above ${baselineName}` +
    `${below.length > 0 ? `, ${below.length} below` : ""}; ` +
    `the highest${above.length > 0 ? " of them" : ""}, ${best.variant}, is at ${signed(best.difference.mean)} points${interval}.`;
  return [
    headline,
    ...(above.length > 0 ? [`Above ${baselineName}: ${list(above)}.`] : []),
    ...(undecided.length > 0
      ? [`For ${undecided.length} of them the seeds do not carry the difference: ${list(undecided)}.`]
      : []),
    ...(below.length > 0 ? [`Below ${baselineName}: ${list(below)}.`] : []),
    `${verdict(best)} As the highest of ${above.length > 0 ? above.length : subject.length} its lead is flattered by the choice.`,
    ...gap(of("upper limit"), best),
  ];
}

const highestOf = (items: readonly Comparison[]): Comparison =>
  items.reduce((a, b) => (b.difference.mean > a.difference.mean ? b : a));

const list = (items: readonly Comparison[]): string =>
  items.map(({ variant, difference }) => `${variant} (${signed(difference.mean)})`).join(", ");

/** The upper limit; and how much of its lead the variant reaches, a ratio of means, where the seeds carry both. */
function gap(limits: readonly Comparison[], { variant, difference, conclusion }: Comparison): string[] {
  if (limits.length === 0) return [];
  const limit = highestOf(limits);
  const start =
    `Upper limit, ${limit.variant} from start to end: ${percent(limit.score)}, ` +
    `${signed(limit.difference.mean)} points against ${baselineName}`;
  if (limit.conclusion !== "above" || conclusion !== "above") return [`${start}.`];
  const reached = (100 * difference.mean) / limit.difference.mean;
  return [
    `${start}; the mean of ${variant} lies ${reached.toFixed(0)} % of that above ${baselineName} and runs with ReLU alone.`,
  ];
}

function whatIsScored({ score, metric }: Group, compared: readonly Comparison[]): string[] {
  const model =
    score === "best"
      ? "of each run's best model of its last phase (without PEA: of the epochs it was chosen from), by validation images"
      : "of each run's last model";
  return [
    `Compared is ${scoreLabel(metric)} on the test images ${model}.`,
    ...(score === "best" && compared.some(({ isChosenAlike }) => !isChosenAlike)
      ? [
          `The best models were chosen from different epochs, which flatters the run that had more of them: look at the last models, or train with scoreTest: epochs.`,
        ]
      : []),
  ];
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
