/**
 * Every seed as a dot: the scores of each variant, and its differences from the baseline with their confidence interval.
 * Plain SVG in percentages of its place, so that it needs no script and fits any width.
 * @module
 */

import type { Comparison } from "../compare/compare.ts";
import { LEVEL, type Sample, twoSidedQuantile } from "../compare/statistics/index.ts";
import { signed } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import { scoreLabel } from "../tasks/task.ts";
import { type Axis, axisOver } from "./axis.ts";
import type { Group, VariantGroup } from "./groups.ts";
import { type Html, html } from "./html.ts";

/** The figure, or nothing where there is no more than one score to show. */
export function seedPlot(group: Group): Html | "" {
  const { variants, score, metric } = group;
  const rows = variants.filter(({ scores }) => scores[score].sample !== null);
  if (rows.flatMap((row) => dots(row, group)).length < 2) return "";
  const comparisons = rows.flatMap(({ scores }) => scores[score].comparison ?? []);
  const scoreAxis = axisOver(
    within(
      rows.flatMap((row) => dots(row, group)),
      rows.flatMap((row) => meanInterval(row, group) ?? []),
    ),
  );
  const differences = comparisons.flatMap((item) => item.differences);
  const differenceAxis =
    differences.length > 0
      ? axisOver(
          within(
            [0, ...differences],
            comparisons.flatMap(({ paired }) => paired?.interval ?? []),
          ),
        )
      : null;
  const label = scoreLabel(metric);
  const isSpread = rows.some(({ runs }) => runs.length > 1);
  const caption = [
    `Each dot is a seed; the bar is the mean${isSpread ? ", the line its 95 % confidence interval" : ""}.`,
    ...(differenceAxis
      ? [
          `On the right the differences from ${baselineName} on the same seed` +
            (isSpread
              ? "; the diamond, their mean, is filled where the seeds carry it after Holm's correction, and the line is the 95 % interval of the paired test, without correction. A line that runs to the edge goes on beyond it."
              : "."),
        ]
      : []),
  ].join(" ");
  return html`<figure class="seeds${differenceAxis ? "" : " single"}"><h3>Seeds</h3>
<div class="rows">
<div class="row head"><span></span><span>${label}, %</span>${differenceAxis ? html`<span>against ${baselineName}, points</span>` : ""}</div>
${rows.map((row, i) => plotRow(row, group, scoreAxis, differenceAxis, rows[i - 1]?.kind !== row.kind))}
<div class="row axis"><span></span>${tickLabels(scoreAxis)}${differenceAxis ? tickLabels(differenceAxis) : ""}</div>
</div>
<figcaption>${caption}</figcaption></figure>`;
}

/** The values, and of the ends of intervals those that do not lie farther out than the values reach wide. */
function within(values: readonly number[], ends: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const reach = 0.5 * (high - low);
  return [...values, ...ends.map((end) => Math.min(Math.max(end, low - reach), high + reach))];
}

function dots({ runs }: VariantGroup, { score }: Group): number[] {
  return runs.flatMap(({ test }) => test?.[score] ?? []);
}

/** 95 % confidence interval of the mean; null for one seed. */
function meanInterval({ scores }: VariantGroup, { score }: Group): readonly [number, number] | null {
  const { count, mean, deviation } = scores[score].sample as Sample;
  if (deviation === null) return null;
  const margin = (twoSidedQuantile(1 - LEVEL, count - 1) * deviation) / Math.sqrt(count);
  return [mean - margin, mean + margin];
}

function plotRow(
  row: VariantGroup,
  group: Group,
  scoreAxis: Axis,
  differenceAxis: Axis | null,
  isFirst: boolean,
): Html {
  const { variant, kind, scores, runs } = row;
  const { sample, comparison } = scores[group.score];
  const { mean } = sample as Sample;
  const interval = meanInterval(row, group);
  const values = runs.flatMap(({ seed, test }) => {
    const value = test?.[group.score] ?? null;
    return value === null ? [] : [{ value, title: `seed ${seed}: ${value.toFixed(2)} %` }];
  });
  const told = `${variant}: ${values.map(({ title }) => title).join(", ")}`;
  const note = kind === "upper limit" ? html` <small>upper limit</small>` : "";
  return html`<div class="row ${isFirst ? "first" : ""} ${kind.replace(" ", "-")}"><span class="name">${variant}${note}</span>
<svg role="img" aria-label="${told}">${grid(scoreAxis)}${interval ? whisker(scoreAxis, interval) : ""}${values.map(({ value, title }) => dot(scoreAxis, value, title))}<svg x="${scoreAxis.at(mean)}" y="50%" overflow="visible"><path class="mean" d="M0-8v16"/></svg></svg>
${differenceAxis ? differencePlot(variant, comparison, differenceAxis) : ""}</div>`;
}

function differencePlot(variant: string, comparison: Comparison | null, axis: Axis): Html {
  if (comparison === null) return html`<svg aria-hidden="true">${grid(axis)}${zero(axis)}</svg>`;
  const { differences, difference, seeds, paired, conclusion } = comparison;
  const told = `${variant} against ${baselineName}: ${signed(difference.mean)} points on average`;
  // A nested picture, so that its shape keeps its size while its place is a percentage.
  const diamond =
    seeds.length > 1
      ? html`<svg x="${axis.at(difference.mean)}" y="50%" overflow="visible"><path class="diamond ${conclusion}" d="M0-6 6 0 0 6-6 0z"><title>${signed(difference.mean)} points</title></path></svg>`
      : "";
  return html`<svg role="img" aria-label="${told}">${grid(axis)}${zero(axis)}${paired ? whisker(axis, paired.interval) : ""}${differences.map(
    (value, i) => dot(axis, value, `seed ${seeds[i]}: ${signed(value)} points`),
  )}${diamond}</svg>`;
}

const grid = ({ ticks, at }: Axis): Html[] =>
  ticks.map((tick) => html`<line class="grid" x1="${at(tick)}" x2="${at(tick)}" y1="0" y2="100%"/>`);

const zero = ({ at }: Axis): Html => html`<line class="zero" x1="${at(0)}" x2="${at(0)}" y1="0" y2="100%"/>`;

const whisker = ({ at, low, high }: Axis, [lower, upper]: readonly [number, number]): Html =>
  html`<line class="interval" x1="${at(Math.max(lower, low))}" x2="${at(Math.min(upper, high))}" y1="50%" y2="50%"/>`;

const dot = ({ at }: Axis, value: number, title: string): Html =>
  html`<circle cx="${at(value)}" cy="50%" r="3.5"><title>${title}</title></circle>`;

function tickLabels({ ticks, digits, at }: Axis): Html {
  const text = (tick: number) => tick.toFixed(digits).replace("-", "−");
  return html`<span class="ticks" aria-hidden="true">${ticks.map(
    (tick) => html`<span style="left:${at(tick)}">${text(tick)}</span>`,
  )}</span>`;
}
