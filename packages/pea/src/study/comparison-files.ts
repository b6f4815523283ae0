/**
 * `table.md` and `table.csv` of a study: each variant against ReLU, with all that the seeds say about it.
 *
 * @module
 */
import { join } from "node:path";
import { writeFileAtomically } from "@pea/torch";
import { csvLine } from "../csv.ts";
import { baselineName, type Comparison, compareWithBaseline } from "./compare.ts";
import { outcomesOf } from "./outcomes.ts";
import type { Result } from "./results.ts";
import { POWER, type Sample, sample } from "./statistics/index.ts";
import { groupResults, type ResultGroup } from "./table-figures.ts";

/** Writes both tables into a folder. */
export function writeComparisons(folder: string, name: string, results: readonly Result[]): void {
  const groups = groupResults(results).map(compareGroup);
  writeFileAtomically(join(folder, "table.md"), [Buffer.from(formatMarkdown(name, groups))]);
  writeFileAtomically(join(folder, "table.csv"), [Buffer.from(formatCsv(groups))]);
}

type Source = "best" | "last";
const sources: readonly Source[] = ["best", "last"];

/** A variant, or the baseline, with one kind of score. */
export interface Score {
  /** Null where no run has it: no whole epoch lay in the final phase. */
  accuracy: Sample | null;
  /** Null for the baseline, and without a baseline of the same seed. */
  comparison: Comparison | null;
}

/** A network on a data set: all its variants. */
export interface ComparedGroup extends Pick<ResultGroup, "network" | "dataset" | "metric"> {
  variants: { name: string; runs: number; scores: Readonly<Record<Source, Score>> }[];
}

/** Compares the runs of one network with its baseline. */
export function compareGroup({ network, dataset, metric, results }: ResultGroup): ComparedGroup {
  const scoresOf = (source: Source) => {
    const outcomes = outcomesOf(results, source);
    const comparisons = new Map(compareWithBaseline(outcomes).map((item) => [item.variant, item]));
    return (variant: string): Score => {
      const values = outcomes.filter((run) => run.variant === variant);
      return {
        accuracy: values.length > 0 ? sample(values.map(({ testAccuracy }) => testAccuracy)) : null,
        comparison: comparisons.get(variant) ?? null,
      };
    };
  };
  const [best, last] = [scoresOf("best"), scoresOf("last")];
  const names = new Set(results.map(({ variant }) => variant));
  return {
    network,
    dataset,
    metric,
    variants: [...names].map((name) => ({
      name,
      runs: results.filter(({ variant }) => variant === name).length,
      scores: { best: best(name), last: last(name) },
    })),
  };
}

function formatMarkdown(name: string, groups: readonly ComparedGroup[]): string {
  const sections = groups.map((group) => {
    const { network, dataset, metric } = group;
    const score = metric === "miou" ? "mIoU" : "top-1 accuracy";
    return [
      `## ${network} on ${dataset}`,
      "",
      `Test ${score} in percent, mean ± standard deviation over seeds; Δ: difference from ReLU of the same seed in points, ` +
        "with its 95 % confidence interval.",
      "",
      markdownTable(comparisonHead, comparisonRows(group)),
      ...detailsOf(group),
    ].join("\n");
  });
  return `${[`# Study ${name}`, ...sections, notes(groups)].join("\n\n")}\n`;
}

/** Titles of the columns of `comparisonRows`. */
export const comparisonHead = ["Variant", "Seeds", "Best", "Δ", "Last", "Δ", "The seeds carry"];

/** A row of text for each variant: scores, differences from ReLU with their intervals, and what can be said. */
export function comparisonRows({ variants }: ComparedGroup): string[][] {
  return variants.map(({ name, runs, scores: { best, last } }) => [
    name,
    String(runs),
    percent(best.accuracy),
    difference(best.comparison),
    percent(last.accuracy),
    difference(last.comparison),
    name === baselineName ? "" : carried(best.comparison, last.comparison),
  ]);
}

/** The tests in figures, where there is anything to test. */
function detailsOf({ variants }: ComparedGroup): string[] {
  const rows = variants.flatMap(({ name, scores }) =>
    sources.flatMap((source) => {
      const { comparison } = scores[source];
      return comparison?.paired ? [[name, source, ...figuresOf(comparison)]] : [];
    }),
  );
  if (rows.length === 0) return [];
  return [
    "",
    markdownTable(
      [
        "Variant",
        "Score",
        "p, paired",
        "p, Holm",
        "p, Welch",
        "Above on",
        "Correlation",
        "Smallest detectable",
        "ReLU, same epochs",
      ],
      rows,
    ),
  ];
}

function figuresOf(comparison: Comparison): string[] {
  const { paired, adjustedP, welch, above, seeds, correlation, smallestDifference, baseline } = comparison;
  return [
    probability(paired?.p),
    probability(adjustedP),
    probability(welch?.p),
    `${above} of ${seeds.length}`,
    correlation === null ? "–" : fixed(correlation),
    smallestDifference === null ? "–" : fixed(smallestDifference),
    percent(baseline),
  ];
}

/** What can be said of a variant, in words. */
function carried(best: Comparison | null, last: Comparison | null): string {
  const comparisons = [best, last].filter((item) => item !== null);
  if (comparisons.length === 0) return "nothing: no ReLU run of the same seed";
  if (comparisons.every(({ seeds }) => seeds.length === 1)) return "nothing can be concluded: one seed";
  const words = [
    ...(best ? [`best: ${conclusion(best)}`] : []),
    ...(last ? [`last: ${conclusion(last)}`] : []),
  ];
  const [first, ...others] = comparisons.map(conclusion);
  return others.every((other) => other === first) ? (first as string) : words.join("; ");
}

function conclusion(comparison: Comparison): string {
  if (comparison.conclusion === "above") return "above ReLU";
  if (comparison.conclusion === "below") return "below ReLU";
  return comparison.paired === null ? "nothing can be concluded: no spread" : "no difference shown";
}

function notes(groups: readonly ComparedGroup[]): string {
  const counts = groups.flatMap(({ variants }) =>
    variants.map(({ scores }) => scores.last.comparison?.seeds.length ?? 0),
  );
  const lines = [
    "Best: the model with the highest validation score of the final phase, a dash where no whole epoch lies in it. Its ReLU " +
      "partner is chosen from the same epochs; last: the model after the last step.",
    ...(Math.max(0, ...counts) < 2
      ? ["No variant has two seeds in common with ReLU: nothing can be concluded."]
      : [
          "Above or below ReLU: the paired t-test over shared seeds gives p < 0.05 after Holm's correction for all variants of " +
            "the network. No difference shown: the data do not carry one; there may be one smaller than the smallest detectable, " +
            `which the paired test would find with a probability of ${POWER}, taking the spread seen for the true one.`,
          "Welch's test takes the runs for independent. It is the fairer one where the correlation of paired runs is near 0 or " +
            "below.",
        ]),
  ];
  return lines.join("\n\n");
}

/** A row for each variant and kind of score, in numbers to calculate with. */
function formatCsv(groups: readonly ComparedGroup[]): string {
  const rows = groups.flatMap(({ network, dataset, metric, variants }) =>
    variants.flatMap(({ name, scores }) =>
      sources.flatMap((source) => {
        const { accuracy, comparison } = scores[source];
        if (accuracy === null) return [];
        const cells = csvColumns.map(([, value]) => value(accuracy, comparison) ?? "");
        return [csvLine([dataset, network, metric, name, source, ...cells])];
      }),
    ),
  );
  const head = csvLine([
    "dataset",
    "network",
    "metric",
    "variant",
    "score",
    ...csvColumns.map(([title]) => title),
  ]);
  return `${[head, ...rows].join("\n")}\n`;
}

type CsvValue = (accuracy: Sample, comparison: Comparison | null) => number | string | null | undefined;

const csvColumns: readonly (readonly [title: string, value: CsvValue])[] = [
  ["runs", ({ count }) => count],
  ["mean", ({ mean }) => tidy(mean)],
  ["standardDeviation", ({ deviation }) => tidy(deviation)],
  ["pairs", (_, comparison) => comparison?.seeds.length],
  ["baselineMean", (_, comparison) => tidy(comparison?.baseline.mean)],
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
  ["conclusion", (_, comparison) => comparison?.conclusion],
];

/** Ten figures are more than any score has, and leave out what float64 adds to a mean. */
const tidy = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value.toPrecision(10));

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

const fixed = (value: number): string => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function percent(score: Sample | null): string {
  if (score === null) return "–";
  return score.deviation === null ? fixed(score.mean) : `${fixed(score.mean)} ± ${fixed(score.deviation)}`;
}

function difference(comparison: Comparison | null): string {
  if (comparison === null) return "–";
  const { paired, difference } = comparison;
  const interval = paired ? ` [${signed(paired.interval[0])}, ${signed(paired.interval[1])}]` : "";
  return signed(difference.mean) + interval;
}

function probability(p: number | null | undefined): string {
  if (p === null || p === undefined) return "–";
  return p < 1e-4 ? "< 0.0001" : String(Number(p.toPrecision(2)));
}
