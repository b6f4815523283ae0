/**
 * The report as one HTML page.
 * @module
 */
import { activationShapes, shapeData, smoothOfReport } from "./activation-shapes.ts";
import { breakdowns } from "./breakdowns.ts";
import { browserScript } from "./browser-script.ts";
import type { Chart } from "./chart-parts.ts";
import { charts, drawn } from "./charts.ts";
import { diagnosticTables } from "./diagnostics.ts";
import { type Group, groupRuns, shownAtFirst } from "./groups.ts";
import { Html, html, scriptJson } from "./html.ts";
import { integerTables } from "./integers.ts";
import type { ReportSource } from "./load.ts";
import { resultsTable } from "./results-table.ts";
import { environments, epochTables, repeatCommands, runTable, settings, throughput } from "./run-tables.ts";
import { seedPlot } from "./seed-plot.ts";
import { css } from "./style.ts";
import { swatch, type VariantStyle, variantStyles } from "./variant-styles.ts";
import { type Verdict, verdictOn } from "./verdict.ts";

/** What the page takes from ECharts. */
export interface ChartLibrary {
  /** Its source, to be put in. */
  source: string;
  /** Draws an option as an SVG picture, for readers without scripts. */
  toSvg(option: Record<string, unknown>, size: { width: number; height: number }): string;
}

type Content = Pick<ReportSource, "title" | "runs"> & {
  plan?: ReportSource["plan"];
  /** Commands that make the runs and this page again. */
  commands?: readonly string[];
};

/** The page, complete in itself: it makes no request to anywhere. */
export function page({ title, runs, plan, commands = [] }: Content, library: ChartLibrary): string {
  const groups = groupRuns(runs, plan);
  const drawnCharts = groups.map(charts);
  const smooth = smoothOfReport(groups);
  const data = {
    groups: groups.map((_, i) => ({ id: idOf(i), charts: drawnCharts[i] })),
    shapes: smooth && shapeData(),
  };
  // The policy makes "no external request" a rule of the page, not a habit of its author.
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>PEA: ${title}</title>
<style>${new Html(css)}</style>
</head>
<body>
<main>
<h1>Progressive Ensemble Activations: <b>${title}</b></h1>
${groups.map((group, i) => verdictBlock(verdictOn(group), i, groups.length > 1))}
${groups.map((group, i) => section(group, i, drawnCharts[i] as Chart[], library))}
${smooth ? activationShapes(smooth) : ""}
<h2>How to repeat this</h2>
${repetition(commands, groups)}
${environments(runs)}
</main>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${new Html(library.source)}</script>
<script>${new Html(`const optionOf = ${drawn.toString()};\n${browserScript}`)}</script>
</body>
</html>
`.text;
}

const idOf = (index: number): string => `group-${index + 1}`;

const titleOf = ({ network, dataset }: Pick<Group, "network" | "dataset">): string =>
  `${network} on ${dataset}`;

function verdictBlock(verdict: Verdict, index: number, isOneOfMany: boolean): Html {
  const link = isOneOfMany
    ? html`<p class="of"><a href="#${idOf(index)}">${titleOf(verdict)}</a></p>`
    : html`<p class="of">${titleOf(verdict)}</p>`;
  return html`<div class="verdict">${link}<p class="headline">${verdict.headline}</p>${verdict.details.map(
    (sentence) => html`<p>${sentence}</p>`,
  )}</div>`;
}

function section(group: Group, index: number, drawnCharts: readonly Chart[], library: ChartLibrary): Html {
  const [wide, others] = [
    drawnCharts.filter((chart) => chart.wide),
    drawnCharts.filter((chart) => !chart.wide),
  ];
  const draw = (chart: Chart) => figure(chart, idOf(index), group, library);
  return html`<section id="${idOf(index)}"><h2>${titleOf(group)}</h2>
${seedPlot(group)}
${resultsTable(group)}
${integerTables(group)}
${drawnCharts.length > 0 ? html`<h3>Curves</h3>${controls(group)}` : ""}
${wide.map(draw)}
<div class="pair">${others.map(draw)}${throughput(group)}</div>
${diagnosticTables(group)}
${settings(group)}
${breakdowns(group)}
${runTable(group)}
${epochTables(group)}
</section>`;
}

/** Which variants are drawn; a variant that stands alone has nothing to choose. */
function controls(group: Group): Html {
  const styles = variantStyles(group);
  const first = shownAtFirst(group);
  const boxes = group.variants.map(
    ({ variant }) =>
      html`<label><input type="checkbox" name="variant" value="${variant}" autocomplete="off"${
        first.includes(variant) ? html` checked` : ""
      }>${swatch(styles.get(variant) as VariantStyle)}${variant}</label>`,
  );
  const choices =
    first.length < group.variants.length
      ? html`<button type="button" name="choose" value="first">best of each kind</button><button type="button" name="choose" value="all">all</button><button type="button" name="choose" value="none">none</button>`
      : "";
  return html`<fieldset class="controls"><legend>Show</legend>${boxes}${choices}
<label class="screen"><input type="checkbox" name="whole" autocomplete="off">whole range, with the first epochs</label></fieldset>`;
}

function figure(chart: Chart, groupId: string, group: Group, library: ChartLibrary): Html {
  const { id, title, caption, wide, bands } = chart;
  const first = shownAtFirst(group);
  const shaded = first.find((variant) => bands[variant]);
  const size = wide ? { width: 1080, height: 480 } : { width: 540, height: 336 };
  return html`<figure class="${wide ? "wide" : ""}"><h3>${title}</h3>
<div class="chart" id="${groupId}-${id}" role="img" aria-label="${title}; the numbers are in the tables below"><noscript>${new Html(
    library.toSvg(drawn(chart, first), size),
  )}</noscript></div>
<figcaption>${caption} <span class="shaded">${shaded ? (bands[shaded]?.caption ?? "") : ""}</span></figcaption></figure>`;
}

function repetition(commands: readonly string[], groups: readonly Group[]): Html {
  const training = repeatCommands(groups);
  const isMany = training.length > 6;
  const trained = html`<pre><code>${training.join("\n")}</code></pre>`;
  return html`${commands.length > 0 ? html`<pre><code>${commands.join("\n")}</code></pre>` : ""}${
    training.length === 0
      ? ""
      : isMany
        ? html`<details><summary>One run of each variant</summary>${trained}</details>`
        : html`<p>${groups.some(({ runs, variants }) => runs.length > variants.length) ? "A run of each variant, with the first of its seeds:" : "The runs, one by one:"}</p>${trained}`
  }`;
}
