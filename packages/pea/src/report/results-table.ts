/**
 * The table of a group: means, spread, paired differences with their intervals and tests, for the best model and the last.
 * @module
 */

import type { Comparison } from "../compare/compare.ts";
import { scoreNames } from "../compare/compare-runs.ts";
import { groupBy } from "../compare/group-by.ts";
import type { Score } from "../compare/outcomes.ts";
import { POWER, standardError } from "../compare/statistics/index.ts";
import { conclusionOf, fixed, meanAndSpread, probability, signed } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import { besideHead, besideNote, besideRows } from "../study/compared-beside.ts";
import { scoreLabel } from "../tasks/task.ts";
import type { Group, VariantGroup } from "./groups.ts";
import { type Html, html } from "./html.ts";
import type { ReportRun } from "./run.ts";
import { numbers, scrollable } from "./tables.ts";

const scoreTitles: Readonly<Record<Score, string>> = {
  best: "Best model of the final phase",
  last: "Last model",
};

/** The table and what has to be known to read it. */
export function resultsTable(group: Group): Html {
  const { variants, metric } = group;
  const shown = scoreNames.filter((score) => variants.some(({ scores }) => scores[score].sample));
  if (shown.length === 0) return html``;
  const isCompared = shown.some((score) => variants.some(({ scores }) => scores[score].comparison));
  const columns = shown.map((score) => columnsOf(score, group, isCompared));
  const seeds = [...new Set(group.runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  return html`<h3>Scores</h3>
<p class="note">${scoreLabel(metric)} of the deployed network on the test images, in percent, seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}</p>
${scrollable(
  "Scores",
  html`<table class="numbers">

<thead><tr><th></th><th></th>${columns.map((of, i) => html`<th scope="colgroup" colspan="${of.length}">${scoreTitles[shown[i] as Score]}</th>`)}</tr>
<tr><th scope="col">Variant</th><th scope="col">n</th>${columns.flat().map(({ title }) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${variants.map(
    (item, i) =>
      html`<tr${variants[i - 1] && variants[i - 1]?.kind !== item.kind ? html` class="kind-start"` : ""}><th scope="row">${item.variant}${
        item.kind === "upper limit" ? html` <small>upper limit</small>` : ""
      }</th><td>${item.runs.filter(({ test }) => test !== null).length}</td>${columns.flat().map(({ cell }) => html`<td>${cell(item)}</td>`)}</tr>`,
  )}</tbody></table>`,
)}
${notes(group, isCompared)}
${shown.map((score) => tests(group, score))}
${againstReference(group, shown)}
${besideTable(group)}`;
}

interface Column {
  title: string;
  cell: (item: VariantGroup) => string | Html;
}

function columnsOf(score: Score, { variants }: Group, isCompared: boolean): Column[] {
  const compared = (title: string, cell: (comparison: Comparison) => string | Html | null): Column => ({
    title,
    cell: ({ kind, scores }) => {
      const { comparison } = scores[score];
      return (comparison && cell(comparison)) ?? (kind === "baseline" ? "" : "–");
    },
  });
  const columns: Column[] = [
    {
      title: "mean ± sd",
      cell: ({ scores }) => {
        const { sample } = scores[score];
        return sample ? meanAndSpread(sample) : "–";
      },
    },
  ];
  if (!isCompared) return columns;
  const isSpread = variants.some(({ scores }) => scores[score].comparison?.paired);
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
    compared("p, Holm", ({ adjustedP }) => (adjustedP === null ? null : probability(adjustedP))),
    compared("result", ({ conclusion, obstacle }) => {
      if (obstacle !== null) return "–";
      return conclusion === "undecided" ? "open" : html`<span class="carried">${conclusion}</span>`;
    }),
  );
  return columns;
}

function notes({ runs, variants, score, metric }: Group, isCompared: boolean): Html {
  const compared = variants.flatMap(({ scores }) => scores[score].comparison ?? []);
  const isSpread = compared.some(({ paired }) => paired);
  const [{ tests } = { tests: 0 }] = compared;
  const baseline = variants.find(({ kind }) => kind === "baseline")?.scores[score].sample;
  const isReChosen = compared.some(
    ({ referenceScore: { count, mean } }) =>
      count === baseline?.count && Math.abs(mean - baseline.mean) > 1e-9,
  );
  const images = runs.find(({ test }) => test?.images != null)?.test?.images;
  const lines = [
    ...(isSpread
      ? [
          `− ${baselineName}: mean of the differences on the same seed, in points, with the interval of the paired t-test, which is for this one comparison alone. ` +
            `p, Holm: corrected for ${tests === 1 ? "one comparison" : `${tests} comparisons`}; below 0.05 the seeds carry the difference, and only then is it bold; else it is open.`,
        ]
      : isCompared
        ? ["Without spread over seeds there is no interval, no test, no conclusion."]
        : []),
    ...(isReChosen
      ? [
          `The ${baselineName} model that a run is compared with is chosen from the epochs of that run's final phase, so that ` +
            "neither has more to choose from; the difference need not be that of the means.",
        ]
      : []),
    // A share of images, so to say: for a mean IoU there is no such formula.
    ...(images && baseline && metric === "top1"
      ? [
          `There are ${images.toLocaleString("en")} test images, which gives each score a standard error of ` +
            `${standardError(baseline.mean, images).toFixed(2)} points; runs scored on the same images share most of it.`,
        ]
      : []),
    ...withoutBest(runs),
  ];
  return html`${lines.map((line) => html`<p class="note">${line}</p>`)}`;
}

/** Why runs have no best model. */
function withoutBest(runs: readonly ReportRun[]): string[] {
  const reasons = groupBy(
    runs.filter(({ whyNoBest }) => whyNoBest !== undefined),
    ({ whyNoBest }) => whyNoBest as string,
  );
  return [...reasons].map(
    ([reason, of]) => `No best model in ${of.map(({ name }) => name).join(", ")}: ${reason}.`,
  );
}

/** The variants against the one that the study compares them with besides ReLU. */
function againstReference({ reference, variants }: Group, shown: readonly Score[]): Html {
  if (reference === null) return html``;
  const tables = shown.map((score) => {
    const compared = variants.flatMap(({ scores }) => scores[score].against ?? []);
    const rows = compared.map((item) => [
      item.variant,
      signed(item.difference.mean),
      item.paired ? `${signed(item.paired.interval[0])} to ${signed(item.paired.interval[1])}` : "–",
      item.paired ? probability(item.paired.p) : "–",
      item.adjustedP === null ? "–" : probability(item.adjustedP),
      conclusionOf(item),
    ]);
    const titles = ["Variant", `− ${reference}`, "95 % interval", "p paired", "p, Holm", "conclusion"];
    return html`<p class="note">${scoreTitles[score]}</p>${numbers(`Against ${reference}`, titles, rows)}`;
  });
  return html`<h3>Against ${reference}</h3>
<p class="note">The same comparison, with ${reference} in the place of ${baselineName} and a correction of its own.</p>
${tables}`;
}

/** The variants beside what the study trains them beside. */
function besideTable({ beside }: Group): Html {
  if (beside.length === 0) return html``;
  return html`<h3>Does it add up?</h3>
<p class="note">${besideNote}</p>
${numbers("Does it add up?", besideHead(beside), besideRows(beside))}`;
}

/** The tests behind the table, in full; nothing where there is none. */
function tests({ variants }: Group, score: Score): Html {
  const tested = variants
    .flatMap(({ scores }) => scores[score].comparison ?? [])
    .filter(({ paired }) => paired);
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
    "smallest detectable",
  ];
  const rows = tested.map((item) => [
    item.variant,
    `${item.above} of ${item.seeds.length}`,
    item.difference.deviation?.toFixed(3) ?? "–",
    item.paired?.t.toFixed(2) ?? "–",
    item.paired ? probability(item.paired.p) : "–",
    item.adjustedP === null ? "–" : probability(item.adjustedP),
    item.welch?.t.toFixed(2) ?? "–",
    item.welch ? probability(item.welch.p) : "–",
    item.correlation === null ? "–" : fixed(item.correlation),
    item.smallestDifference === null ? "–" : fixed(item.smallestDifference),
  ]);
  return html`<details><summary>Tests in full: ${scoreTitles[score].toLowerCase()}</summary>
${numbers("Tests", titles, rows)}
<p class="note">Paired: Student's t on the differences by seed, chosen beforehand. Welch: with the runs taken for independent, which finds less
where paired runs resemble each other (correlation above 0) and too much where they do the opposite. Smallest detectable: the true difference
in points that the paired test shows with a probability of ${POWER} after the correction, taking the spread seen for the true one.</p></details>`;
}
