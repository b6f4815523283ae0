/**
 * What stands under a table: where its figures come from, and what they carry.
 *
 * @module
 */
import { paperTables } from "@pea/core";
import { groupBy } from "../compare/group-by.ts";
import type { Result } from "../compare/results.ts";
import { POWER } from "../compare/statistics/index.ts";
import { type Figure, variantOf } from "../compare/table-figures.ts";
import { describeSkippedCounts, type SkippedCounts } from "../data/loading/unreadable-images.ts";
import type { Table } from "./layout.ts";

/** The notes on a table that is laid out. */
export function notesOn(table: Omit<Table, "notes">): string[] {
  const figures = table.rows.flatMap(({ cells }) => cells).filter((figure) => figure !== null);
  const ours = figures.filter(({ source }) => source !== "paper");
  const isOfPaper = ours.length < figures.length;
  return [
    ...(isOfPaper ? ["Paper: each figure is the mean of 5 runs; their spread is not given."] : []),
    ...(isOfPaper && table.number === 3 ? [mobilenetNote] : []),
    ...(ours.length > 0 ? notesOnOurs(table, ours) : []),
  ];
}

/** Runs that went on without images that cannot be read: their scores are not of the same images. */
export function notesOnSkipped(results: readonly Result[]): string[] {
  const counts = results.flatMap(({ skipped }) => skipped ?? []);
  if (counts.length === 0) return [];
  const most: SkippedCounts = {};
  for (const skipped of counts)
    for (const [part, count] of Object.entries(skipped) as [keyof SkippedCounts, number][])
      most[part] = Math.max(most[part] ?? 0, count);
  return [
    `Images that cannot be read were left out in ${counts.length} of ${results.length} runs, ` +
      `in one run at most: ${describeSkippedCounts(most)}.`,
  ];
}

const mobilenetNote =
  "Paper, MobileNet-0.25: the weighted ensemble lost accuracy suddenly near the end of the transition, except with ELU, " +
  `which reached ${paperTables.mobilenet.weightedElu}; the transition's end is not told.`;

function notesOnOurs({ named, rows }: Omit<Table, "notes">, ours: readonly Figure[]): string[] {
  const selected = named
    ? ours.some(({ variant }) => variantOf(variant) !== null) &&
      "The variant in brackets has the highest mean of those trained here, which flatters it; the correction for all of " +
        "them is in the arrow."
    : "";
  const scores =
    "Here: mean ± standard deviation over seeds, on the test part; best: the best model of the final phase by " +
    "validation, last: the model at the end.";
  if (ours.every(({ count }) => count === 1)) return [scores, "One seed: nothing can be concluded."];
  if (ours.some(({ comparison }) => comparison?.obstacle === "the study is not finished"))
    return [scores, "The study is not finished: nothing can be concluded before all its runs are there."];
  const arrows =
    "↑ ↓: above or below ReLU by a paired t-test over the shared seeds, p < 0.05 after Holm's correction for all variants " +
    "of the network. A difference without an arrow is one that the data do not carry. Of the best models, ReLU's partner is chosen from the " +
    "epochs of the variant's final phase.";
  return [scores, arrows, ...(selected ? [selected] : []), ...reach(rows.flatMap(({ cells }) => cells))];
}

/** What the seeds can show, network by network and score by score. */
function reach(cells: readonly (Figure | null)[]): string[] {
  const tested = cells.filter((figure) => figure?.comparison?.smallestDifference != null) as Figure[];
  const lines = [...groupBy(tested, ({ network, source }) => `${network}, ${source}`)].map(
    ([name, figures]) => {
      const smallest = figures.map((figure) => figure.comparison?.smallestDifference as number);
      const counts = figures.map((figure) => figure.comparison?.seeds.length as number);
      return `${name}: ${range(smallest, 2)} points with ${range(counts, 0)} seeds`;
    },
  );
  if (lines.length === 0) return [];
  return [
    `Smallest difference that the seeds show with a probability of ${POWER}, after the correction: ${lines.join("; ")}.`,
  ];
}

/** `0.21`, or `0.21 to 0.45`. */
function range(values: readonly number[], digits: number): string {
  const ends = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return [...new Set(ends)].join(" to ");
}
