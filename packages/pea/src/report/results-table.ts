/**
 * The table of a group: means, spread, paired differences with their intervals and tests, for the best model and the last.
 * @module
 */
import { POWER, sample, standardError } from "../study/statistics/index.ts";
import { scoreLabels } from "../train/tasks/task.ts";
import { baselineName, type Comparison, signed } from "./comparison.ts";
import type { Group, Score, VariantGroup } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { numbers, scrollable } from "./tables.ts";

const scoreTitles: Readonly<Record<Score, string>> = {
  best: "Best model of the final phase",
  last: "Last model",
};

/** The table and what has to be known to read it. */
export function resultsTable(group: Group): Html {
  const { variants, metric } = group;
  const scores = (["best", "last"] as const).filter((score) => variants.some((item) => item.scores[score]));
  if (scores.length === 0) return html``;
  const isCompared = scores.some((score) => variants.some(({ comparisons }) => comparisons[score]));
  const columns = scores.map((score) => columnsOf(score, group, isCompared));
  const seeds = [...new Set(group.runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  return html`<h3>Scores</h3>
<p class="note">${scoreLabels[metric]} of the deployed network on the test images, in percent, seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}</p>
${scrollable(
  "Scores",
  html`<table class="numbers">

<thead><tr><th></th><th></th>${columns.map((of, i) => html`<th scope="colgroup" colspan="${of.length}">${scoreTitles[scores[i] as Score]}</th>`)}</tr>
<tr><th scope="col">Variant</th><th scope="col">n</th>${columns.flat().map(({ title }) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${variants.map(
    (item, i) =>
      html`<tr${variants[i - 1] && variants[i - 1]?.kind !== item.kind ? html` class="kind-start"` : ""}><th scope="row">${item.variant}${
        item.kind === "upper limit" ? html` <small>upper limit</small>` : ""
      }</th><td>${item.runs.filter(({ test }) => test !== null).length}</td>${columns.flat().map(({ cell }) => html`<td>${cell(item)}</td>`)}</tr>`,
  )}</tbody></table>`,
)}
${notes(group, isCompared)}
${scores.map((score) => tests(group, score))}`;
}

interface Column {
  title: string;
  cell: (item: VariantGroup) => string | Html;
}

function columnsOf(score: Score, { variants }: Group, isCompared: boolean): Column[] {
  const compared = (title: string, cell: (comparison: Comparison) => string | Html | null): Column => ({
    title,
    cell: ({ kind, comparisons }) => {
      const comparison = comparisons[score];
      return (comparison && cell(comparison)) ?? (kind === "baseline" ? "" : "–");
    },
  });
  const columns: Column[] = [
    {
      title: "mean ± sd",
      cell: ({ scores }) => {
        const item = scores[score];
        if (!item) return "–";
        return item.deviation === null
          ? item.mean.toFixed(2)
          : `${item.mean.toFixed(2)} ± ${item.deviation.toFixed(2)}`;
      },
    },
  ];
  if (!isCompared) return columns;
  const isSpread = variants.some(({ comparisons }) => comparisons[score]?.paired);
  columns.push(
    compared(
      `− ${baselineName}`,
      (item) =>
        html`<span class="${item.conclusion === "undecided" ? "" : "carried"}">${signed(item.difference.mean)}</span>`,
    ),
  );
  if (!isSpread) return columns;
  columns.push(
    compared(
      "95 % interval",
      ({ paired }) => paired && `${signed(paired.interval[0])} to ${signed(paired.interval[1])}`,
    ),
    compared("p, Holm", ({ adjustedP }) => (adjustedP === null ? null : p(adjustedP))),
    compared("carried?", ({ conclusion }) =>
      conclusion === "undecided" ? "no" : html`<span class="carried">${conclusion}</span>`,
    ),
  );
  return columns;
}

const p = (value: number): string => (value < 1e-4 ? "<0.0001" : String(Number(value.toPrecision(2))));

function notes({ runs, variants, score }: Group, isCompared: boolean): Html {
  const tested = runs.find(({ test }) => test?.images != null)?.test;
  const isSpread = variants.some(({ comparisons }) => comparisons[score]?.paired);
  const compared = variants.flatMap(({ comparisons }) => comparisons[score] ?? []);
  const tests = compared[0]?.tests ?? 0;
  const own = new Map(
    variants.flatMap(({ kind, runs }) =>
      kind === "baseline" ? runs.map(({ seed, test }) => [seed, test?.[score]] as const) : [],
    ),
  );
  const isChosenAlike = compared.some(
    ({ baseline, seeds }) =>
      Math.abs(baseline.mean - sample(seeds.map((seed) => own.get(seed) ?? Number.NaN)).mean) > 1e-9,
  );
  const lines = [
    ...(isSpread
      ? [
          `− ${baselineName}: mean of the differences on the same seed, in points, with the interval of the paired t-test, which is for this one comparison alone. ` +
            `p, Holm: corrected for ${tests === 1 ? "one comparison" : `${tests} comparisons`}; below 0.05 the seeds carry the difference, and only then is it bold.`,
        ]
      : isCompared
        ? ["One seed gives no spread: no interval, no test, no conclusion."]
        : []),
    ...(isChosenAlike
      ? [
          `The ${baselineName} model that a run is compared with is chosen from the epochs of that run's final phase, so that ` +
            "neither has more to choose from; the difference need not be that of the means.",
        ]
      : []),
    ...(tested?.images
      ? [
          `There are ${tested.images.toLocaleString("en")} test images, which gives each score a standard error of ` +
            `${standardError(tested.last, tested.images).toFixed(2)} points; runs scored on the same images share most of it.`,
        ]
      : []),
  ];
  return html`${lines.map((line) => html`<p class="note">${line}</p>`)}`;
}

/** The tests behind the table, in full; nothing where there is none. */
function tests({ variants }: Group, score: Score): Html {
  const tested = variants.flatMap(({ comparisons }) =>
    comparisons[score]?.paired ? [comparisons[score]] : [],
  );
  if (tested.length === 0) return html``;
  const titles = [
    "Variant",
    "above on",
    "sd of differences",
    "t",
    "p paired",
    "p, Holm",
    "t, Welch",
    "p, Welch",
    "correlation",
    "shown",
  ];
  const rows = tested.map((item) => [
    item.variant,
    `${item.above} of ${item.seeds.length}`,
    item.difference.deviation?.toFixed(3) ?? "–",
    item.paired?.t.toFixed(2) ?? "–",
    item.paired ? p(item.paired.p) : "–",
    item.adjustedP === null ? "–" : p(item.adjustedP),
    item.welch?.t.toFixed(2) ?? "–",
    item.welch ? p(item.welch.p) : "–",
    item.correlation?.toFixed(2) ?? "–",
    item.smallestDifference?.toFixed(2) ?? "–",
  ]);
  return html`<details><summary>Tests in full: ${scoreTitles[score].toLowerCase()}</summary>
${numbers("Tests", titles, rows)}
<p class="note">Paired: Student's t on the differences by seed. Welch: with the runs taken for independent; the correlation of the
paired runs says which of them fits. Shown: the true difference in points that these seeds find with a probability of ${POWER}.</p></details>`;
}
