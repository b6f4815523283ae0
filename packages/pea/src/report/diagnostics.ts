/**
 * What runs with `diagnose` recorded: gradients and batch norms as α moves, activation sites at its ends and between.
 * @module
 */

import { groupBy } from "../compare/group-by.ts";
import { sample } from "../compare/statistics/index.ts";
import type { DiagnosticsRow } from "../diagnose/index.ts";
import type { Chart } from "./chart-parts.ts";
import { line, option, type Point, roomForNames } from "./chart-parts.ts";
import type { Group, VariantGroup } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { numbers } from "./tables.ts";
import { type VariantStyle, variantStyles } from "./variant-styles.ts";

/** A number of a row; null where it was not finite. */
type Quantity = (row: DiagnosticsRow) => number | null;

const gradientNorm: Quantity = ({ gradients }) => gradients.global;
const meanMismatch: Quantity = ({ views }) => rootMeanSquare(views.current.norms.map(({ mean }) => mean));
const varianceMismatch: Quantity = ({ views }) =>
  rootMeanSquare(views.current.norms.map(({ variance }) => variance));
const deadShare: Quantity = ({ views }) => mean(views.current.sites.map(({ dead }) => 100 * dead));
const runningLoss: Quantity = ({ views }) => views.current.running.loss ?? null;
const batchLoss: Quantity = ({ views }) => views.current.batch.loss ?? null;

/** Gradient norm, and how far batch norms' running statistics trail, against α; without series where nothing is known. */
export function diagnosticCharts(group: Group): Chart[] {
  const styles = variantStyles(group);
  const right = roomForNames(group);
  const of = (draw: (item: VariantGroup, style: VariantStyle) => Record<string, unknown>[]) =>
    Object.fromEntries(
      group.variants
        .map((item) => [item.variant, draw(item, styles.get(item.variant) as VariantStyle)] as const)
        .filter(([, series]) => series.length > 0),
    );
  const shared = { wide: false, late: {}, narrowed: null, bands: {} };
  return [
    {
      ...shared,
      id: "gradients",
      title: "Gradient norm in the transition",
      caption: "Of all parameters together, of single steps, as α moves.",
      option: option("‖gradient‖", "α", { max: 1, right }),
      series: of(({ runs, variant }, style) =>
        line({ variant, style, points: againstAlpha(runs, gradientNorm), range: true }),
      ),
    },
    {
      ...shared,
      id: "batch-norm",
      title: "Running variance against the batch's in the transition",
      caption:
        "Root mean square of ln(variance / running variance) over batch norms and channels, on validation images, as α " +
        "moves. 0: they agree.",
      option: option("ln of the ratio", "α", { max: 1, min: 0, right }),
      series: of(({ runs, variant }, style) =>
        line({ variant, style, points: againstAlpha(runs, varianceMismatch), range: true }),
      ),
    },
  ];
}

function againstAlpha(runs: VariantGroup["runs"], quantity: Quantity): Point[] {
  const measured = runs
    .flatMap(({ diagnostics = [] }) => transition(diagnostics))
    .flatMap((row) => {
      const value = quantity(row);
      return value === null ? [] : [{ alpha: row.alpha as number, value }];
    });
  return [...groupBy(measured, ({ alpha }) => String(alpha)).values()]
    .map((points): Point => {
      const values = points.map(({ value }) => value);
      return [points[0]?.alpha as number, sample(values).mean, Math.min(...values), Math.max(...values)];
    })
    .sort(([a], [b]) => a - b);
}

/** From the last row with α = 0 to the first with α = 1. */
function transition(rows: readonly DiagnosticsRow[]): DiagnosticsRow[] {
  return rows.filter(({ alpha }, i) => {
    if (alpha === undefined) return false;
    if (alpha === 0) return (rows[i + 1]?.alpha ?? 0) > 0;
    return alpha < 1 || (rows[i - 1]?.alpha ?? 1) < 1;
  });
}

/** The same by phase, and the sites and batch norms of a run of each variant; nothing where no run was diagnosed. */
export function diagnosticTables({ variants }: Group): Html | "" {
  const diagnosed = variants.filter(({ runs }) =>
    runs.some(({ diagnostics = [] }) => diagnostics.length > 0),
  );
  if (diagnosed.length === 0) return "";
  return html`<h3>Diagnostics</h3>
${phaseTable(diagnosed)}
<p class="note">Medians over the records of each phase and over seeds, with the activation as it trains, on the first batch of the validation images; gradient norms are of training steps. The loss is once normalized by running statistics, as in evaluation, and once by the batch's own: what running statistics cost is the difference.</p>
${diagnosed.map(siteTables)}`;
}

function phaseTable(variants: readonly VariantGroup[]): Html {
  const columns: [string, Quantity, number][] = [
    ["Gradient norm", gradientNorm, 3],
    ["Mismatch of variances", varianceMismatch, 3],
    ["of means", meanMismatch, 3],
    ["Dead channels, %", deadShare, 2],
    ["Loss, running", runningLoss, 4],
    ["batch's own", batchLoss, 4],
  ];
  const rows = variants.flatMap(({ variant, runs }) =>
    [
      ...groupBy(
        runs.flatMap(({ diagnostics = [] }) => diagnostics),
        ({ phase }) => phase,
      ),
    ].map(([phase, records]) => [
      `${variant}, ${phase}`,
      String(records.length),
      ...columns.map(([, quantity, digits]) =>
        figure(median(records.map(quantity).filter((value) => value !== null)), digits),
      ),
    ]),
  );
  return numbers("Diagnostics", ["Variant, phase", "Records", ...columns.map(([title]) => title)], rows);
}

/** Of the first of a variant's runs that has them: at the ends and in the middle of its transition, or at its end. */
function siteTables({ variant, runs }: VariantGroup): Html {
  const run = runs.find(({ diagnostics = [] }) => diagnostics.length > 0);
  const rows = run?.diagnostics ?? [];
  const moving = transition(rows);
  const shown = (
    moving.length > 0 ? [0, 0.5, 1].map((alpha) => nearest(moving, alpha)) : rows.slice(-1)
  ).filter((row, i, all) => all.indexOf(row) === i);
  const at = ({ alpha, step }: DiagnosticsRow) =>
    alpha === undefined ? `step ${step}` : `α ${alpha.toFixed(2)}`;
  const titles = (...names: string[]) => shown.flatMap((row) => names.map((name) => `${name}, ${at(row)}`));
  const [first] = shown;
  const sites = first?.views.current.sites ?? [];
  const norms = first?.views.current.norms ?? [];
  const cells = (of: (row: DiagnosticsRow) => string[]) => shown.flatMap(of);
  const siteRows = sites.map(({ path }, i) => [
    path,
    ...cells(({ views }) => {
      const site = views.current.sites[i];
      return [
        figure(site?.mean, 2),
        figure(site?.std, 2),
        figure(site && 100 * site.negative, 0),
        figure(site && 100 * site.dead, 1),
      ];
    }),
  ]);
  const normRows = norms.map(({ path }, i) => [
    path,
    ...cells(({ views, gradients }) => [
      figure(views.current.norms[i]?.variance, 3),
      figure(views.current.norms[i]?.mean, 3),
      figure(gradients.modules[path], 4),
    ]),
  ]);
  const whose = `${variant}, seed ${run?.seed}`;
  return html`<details><summary>Pre-activations of ${whose}, site by site</summary>
${numbers(`Pre-activations of ${whose}`, ["Site", ...titles("mean", "sd", "below 0, %", "dead, %")], siteRows)}</details>
${
  norms.length > 0
    ? html`<details><summary>Batch norms of ${whose}, one by one</summary>
${numbers(`Batch norms of ${whose}`, ["Batch norm", ...titles("variances", "means", "gradient")], normRows)}</details>`
    : ""
}`;
}

function nearest(rows: readonly DiagnosticsRow[], alpha: number): DiagnosticsRow {
  const distance = (row: DiagnosticsRow) => Math.abs((row.alpha as number) - alpha);
  return rows.reduce((best, row) => (distance(row) < distance(best) ? row : best));
}

/** Early records are so far off that they would be all that a mean shows. */
function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return mean([...new Set([Math.ceil(middle) - 1, Math.floor(middle)])].flatMap((i) => sorted[i] ?? []));
}

const mean = (values: readonly number[]): number | null => (values.length > 0 ? sample(values).mean : null);

/** Null where there are none, or where one of them was not finite. */
function rootMeanSquare(values: readonly (number | null)[]): number | null {
  if (values.length === 0 || values.includes(null)) return null;
  return Math.sqrt(values.reduce<number>((sum, value) => sum + (value as number) ** 2, 0) / values.length);
}

const figure = (value: number | null | undefined, digits: number): string =>
  value == null ? "–" : value.toFixed(digits);
