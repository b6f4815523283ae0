/**
 * `table.md` and `table.csv` of a study: each variant against ReLU, with all that the seeds say about it.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomically } from "@pea/torch";
import { csvLine } from "../common/csv.ts";
import type { Comparison } from "../compare/compare.ts";
import { type ComparedScore, scoreNames } from "../compare/compare-runs.ts";
import type { Result } from "../compare/results.ts";
import { POWER, type Sample } from "../compare/statistics/index.ts";
import { groupResults, type ResultGroup } from "../compare/table-figures.ts";
import { markdownTable, withoutRounding } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import { scoreLabel } from "../tasks/task.ts";
import { besideSection, type ComparedBeside, compareBeside } from "./compared-beside.ts";
import { type ComparedTarget, compareTarget, targetSection } from "./compared-targets.ts";
import {
  againstReference,
  type ComparedVariant,
  conclusion,
  detailsOf,
  difference,
  score,
  variantsOf,
} from "./compared-variants.ts";
import { isFinished, type StudyPlan } from "./study-file.ts";

/** Writes both tables into a folder. */
export function writeComparisons(folder: string, plan: StudyPlan, results: readonly Result[]): void {
  const groups = compareGroups(results, plan);
  writeFileAtomically(join(folder, "table.md"), [Buffer.from(formatMarkdown(plan, groups))]);
  writeFileAtomically(join(folder, "table.csv"), [Buffer.from(formatCsv(groups))]);
}

/** A network on a data set: all its variants. */
export interface ComparedGroup extends Pick<ResultGroup, "network" | "dataset" | "metric"> {
  /** Runs that have ended, and those planned. */
  runs: { ended: number; planned: number };
  /** Whether they were not all trained on the same images, as far as that is known. */
  isOfChangedData: boolean;
  /** What the variants are compared with besides ReLU; null: nothing. */
  reference: string | null;
  variants: ComparedVariant[];
  /** The variants beside what the study trains them beside. */
  beside: ComparedBeside[];
  /** The same runs in each form in integers that the study exports them to. */
  targets: ComparedTarget[];
}

/** Compares the runs of each network with ReLU, and with what the study names besides. */
export function compareGroups(results: readonly Result[], plan: StudyPlan): ComparedGroup[] {
  return groupResults(results).map(({ network, dataset, metric, results }) => {
    const options = {
      reference: plan.against ?? undefined,
      isFinished: isFinished(plan, results.length),
    };
    return {
      network,
      dataset,
      metric,
      runs: { ended: results.length, planned: plan.runsPerNetwork },
      isOfChangedData: new Set(results.flatMap(({ dataDigest }) => dataDigest ?? [])).size > 1,
      reference: plan.against,
      variants: variantsOf(results, options),
      beside: compareBeside(results, plan.beside, options),
      targets: plan.targets.map((target) => compareTarget(target, results, options)),
    };
  });
}

function formatMarkdown({ name }: StudyPlan, groups: readonly ComparedGroup[]): string {
  const sections = groups.map((group) => {
    const { network, dataset, metric, runs, reference, isOfChangedData } = group;
    const score = metric === "top1" ? "top-1 accuracy" : scoreLabel(metric);
    return [
      `## ${network} on ${dataset}`,
      ...(runs.ended < runs.planned
        ? [
            `**Not finished: ${runs.ended} of ${runs.planned} runs.** Nothing can be concluded before all are there.`,
          ]
        : []),
      ...(isOfChangedData
        ? ["**The data changed while the runs were trained.** Differences may come from that."]
        : []),
      `Test ${score} in percent, mean ± standard deviation over seeds; Δ: difference from ReLU of the same seed in points, ` +
        "with its 95 % confidence interval, which is for this one comparison alone.",
      markdownTable(comparisonHead, comparisonRows(group)),
      ...detailsOf(group, "comparison"),
      ...(reference === null ? [] : againstReference(group, reference)),
      ...besideSection(group.beside),
      ...group.targets.flatMap((target) => targetSection(target, reference)),
    ].join("\n\n");
  });
  return `${[`# Study ${name}`, ...sections, notes(groups)].join("\n\n")}\n`;
}

/** Titles of the columns of `comparisonRows`. */
export const comparisonHead = ["Variant", "Seeds", "Best", "Δ", "Last", "Δ", "Conclusion"];

/** A row of text for each variant: scores, differences from ReLU with their intervals, and what can be said. */
export function comparisonRows({ variants }: ComparedGroup): string[][] {
  return variants.map(({ name, runs, scores: { best, last } }) => [
    name,
    String(runs),
    score(best.sample),
    difference(best.comparison),
    score(last.sample),
    difference(last.comparison),
    name === baselineName ? "" : conclusion(best.comparison, last.comparison),
  ]);
}

function notes(groups: readonly ComparedGroup[]): string {
  const comparisons = groups.flatMap(({ variants }) =>
    variants.flatMap(({ scores }) => scoreNames.flatMap((score) => scores[score].comparison ?? [])),
  );
  const lacking = comparisons.some(({ seeds }) => seeds.length > 1)
    ? "differences from ReLU that vary over seeds"
    : "two seeds in common with ReLU";
  return [
    "Best: the model with the highest validation score of the final phase, a dash where no whole epoch lies in it. The " +
      "partner it is compared with is chosen from the same epochs; last: the model after the last step.",
    ...(comparisons.some(({ isChosenAlike }) => !isChosenAlike)
      ? [
          "The test scores by epoch of some runs are not known: their best models were chosen from other epochs, which flatters the one with more of them.",
        ]
      : []),
    ...(comparisons.some(({ paired }) => paired)
      ? [
          "Above or below: the paired t-test over shared seeds, chosen beforehand, gives p < 0.05 after Holm's correction for all " +
            "variants of the network. No difference shown: the data do not carry one; there may be one smaller than the smallest " +
            `detectable, which this test shows with a probability of ${POWER} after the correction, taking the spread seen for the true one. Below ` +
            "three seeds nothing is concluded.",
          "Welch's test leaves the pairing out: it finds less where paired runs resemble each other (correlation above 0), and too much " +
            "where they do the opposite.",
        ]
      : [`No variant has ${lacking}: nothing can be concluded.`]),
  ].join("\n\n");
}

/** A row for each variant, kind of score (or target) and reference, in numbers to calculate with. */
function formatCsv(groups: readonly ComparedGroup[]): string {
  const rows = groups.flatMap(({ network, dataset, metric, reference, variants, beside, targets }) => {
    const row = (name: string, score: string, other: string, sample: Sample, compared: Comparison | null) =>
      csvLine([
        ...[dataset, network, metric, name, score, other],
        ...csvColumns.map(([, value]) => value(sample, compared) ?? ""),
      ]);
    const rowsOf = (name: string, score: string, { sample, comparison, against }: ComparedScore) => {
      if (sample === null) return [];
      return [
        row(name, score, baselineName, sample, comparison),
        ...(reference !== null && against ? [row(name, score, reference, sample, against)] : []),
      ];
    };
    const besideRow = (score: string, compared: Comparison | null) =>
      compared === null ? [] : [row(compared.variant, score, compared.reference, compared.score, compared)];
    return [
      ...variants.flatMap(({ name, scores }) =>
        scoreNames.flatMap((score) => rowsOf(name, score, scores[score])),
      ),
      ...beside.flatMap(({ scores }) =>
        scoreNames.flatMap((score) => [
          ...besideRow(score, scores[score].gain),
          ...besideRow(score, scores[score].interaction),
        ]),
      ),
      ...targets.flatMap((target) =>
        target.variants.flatMap(({ name, scores }) => rowsOf(name, target.name, scores.last)),
      ),
    ];
  });
  const titles = csvColumns.map(([title]) => title);
  const head = csvLine(["dataset", "network", "metric", "variant", "score", "reference", ...titles]);
  return `${[head, ...rows].join("\n")}\n`;
}

type CsvValue = (sample: Sample, comparison: Comparison | null) => number | string | null | undefined;

const csvColumns: readonly (readonly [title: string, value: CsvValue])[] = [
  ["runs", ({ count }) => count],
  ["mean", ({ mean }) => tidy(mean)],
  ["standardDeviation", ({ deviation }) => tidy(deviation)],
  ["pairs", (_, comparison) => comparison?.seeds.length],
  ["referenceMean", (_, comparison) => tidy(comparison?.referenceScore.mean)],
  ["difference", (_, comparison) => tidy(comparison?.difference.mean)],
  ["differenceDeviation", (_, comparison) => tidy(comparison?.difference.deviation)],
  ["lower95", (_, comparison) => tidy(comparison?.paired?.interval[0])],
  ["upper95", (_, comparison) => tidy(comparison?.paired?.interval[1])],
  ["pairedT", (_, comparison) => tidy(comparison?.paired?.t)],
  ["pairedP", (_, comparison) => tidy(comparison?.paired?.p)],
  ["holmP", (_, comparison) => tidy(comparison?.adjustedP)],
  ["tests", (_, comparison) => comparison?.tests],
  ["welchT", (_, comparison) => tidy(comparison?.welch?.t)],
  ["welchDegrees", (_, comparison) => tidy(comparison?.welch?.degrees)],
  ["welchP", (_, comparison) => tidy(comparison?.welch?.p)],
  ["correlation", (_, comparison) => tidy(comparison?.correlation)],
  ["above", (_, comparison) => comparison?.above],
  ["smallestDetectable", (_, comparison) => tidy(comparison?.smallestDifference)],
  ["conclusion", (_, comparison) => comparison && (comparison.obstacle ?? comparison.conclusion)],
];

const tidy = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : withoutRounding(value);
