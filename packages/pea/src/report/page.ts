/**
 * The report as one HTML page.
 * @module
 */
import { formatSeconds } from "../train/progress.ts";
import { type Chart, charts } from "./charts.ts";
import { compareWithBaseline, type Outcome, standardError, verdict } from "./comparison.ts";
import { Html, html, scriptJson } from "./html.ts";
import type { EpochPoint, ReportRun } from "./run.ts";
import { css } from "./style.ts";

/** Draws the charts and follows the colour scheme and the width of the window. Runs in the browser. */
const drawCharts = `
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (dark.matches ? "dark" : "default");
const charts = JSON.parse(document.getElementById("charts").textContent).map(({ id, option }) => {
  const chart = echarts.init(document.getElementById(id), theme(), { renderer: "svg" });
  chart.setOption(option);
  return chart;
});
dark.addEventListener("change", () => charts.forEach((chart) => chart.setTheme(theme())));
addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
`;

/**
 * The page, complete in itself: it makes no request to anywhere.
 * @param chartLibrary source of ECharts, to be put in
 */
export function page(runs: readonly ReportRun[], chartLibrary: string): string {
  const drawn = charts(runs);
  // The policy makes "no external request" a rule of the page, not a habit of its author.
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>PEA: ${runs.map((run) => run.name).join(", ")}</title>
<style>${new Html(css)}</style>
</head>
<body>
<main>
<h1>Progressive Ensemble Activations</h1>
${verdicts(runs)}
${results(runs)}
${drawn.map(figure)}
${settings(runs)}
${runs.map(epochTable)}
</main>
<script type="application/json" id="charts">${scriptJson(drawn.map(({ id, option }) => ({ id, option })))}</script>
<script>${new Html(chartLibrary)}</script>
<script>${new Html(drawCharts)}</script>
</body>
</html>
`.text;
}

function verdicts(runs: readonly ReportRun[]): Html {
  const comparisons = compareWithBaseline(outcomes(runs));
  if (comparisons.length > 0)
    return html`${comparisons.map((item) => html`<p class="verdict">${verdict(item)}</p>`)}`;
  const finished = runs.filter((run) => run.test !== null);
  if (finished.length === 0)
    return html`<p class="verdict">No run has ended yet: there is nothing to compare.</p>`;
  return html`<p class="verdict">${finished.map(
    ({ variant, seed, test }) =>
      `${variant}, seed ${seed}: ${test?.accuracy.toFixed(2)} % on the test images. `,
  )}There is no ReLU run of the same seed to compare with.</p>`;
}

function outcomes(runs: readonly ReportRun[]): Outcome[] {
  return runs.flatMap(({ variant, seed, test }) =>
    test ? { variant, seed, testAccuracy: test.accuracy } : [],
  );
}

function results(runs: readonly ReportRun[]): Html {
  const tested = runs.find((run) => run.test !== null)?.test;
  const rows = runs.map(
    (run) => html`<tr><th scope="row">${run.variant}, seed ${run.seed}<br><small>${run.name}</small></th>
<td>${number(run.test?.accuracy ?? null, 2)}</td><td>${number(run.epochs.at(-1)?.deployedAccuracy ?? null, 2)}</td>
<td>${run.epochs.length}</td><td>${formatSeconds(run.seconds)}</td></tr>`,
  );
  const note = tested
    ? html`<p class="note">Accuracy is top-1 of the deployed network: of the chosen model on the test images, of the last
one on the validation images. There are ${tested.images.toLocaleString("en")} test images, which gives each test accuracy
a standard error of ${standardError(tested.accuracy, tested.images).toFixed(2)} points; the spread between seeds comes
on top.</p>`
    : "";
  return html`<h2>Results</h2>
<div class="scroll"><table class="numbers">
<thead><tr><th scope="col">Run</th><th scope="col">Test, %</th><th scope="col">Validation, %</th>
<th scope="col">Epochs</th><th scope="col">Time</th></tr></thead>
<tbody>${rows}</tbody></table></div>${note}`;
}

function figure({ id, title, caption }: Chart): Html {
  return html`<figure><h2>${title}</h2><div class="chart" id="${id}" role="img" aria-label="${title}"></div>
<figcaption>${caption}</figcaption></figure>`;
}

function settings(runs: readonly ReportRun[]): Html {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))];
  const shown = (run: ReportRun, key: string) => text(run.settings[key]);
  const differing = keys.filter((key) => new Set(runs.map((run) => shown(run, key))).size > 1);
  const common = keys.filter((key) => !differing.includes(key));
  const first = runs[0] as ReportRun;
  const differences =
    differing.length > 0
      ? html`<h3>What differs</h3><div class="scroll"><table><thead><tr><th scope="col">Setting</th>
${runs.map((run) => html`<th scope="col">${run.name}</th>`)}</tr></thead><tbody>${differing.map(
          (key) =>
            html`<tr><th scope="row">${key}</th>${runs.map((run) => html`<td>${shown(run, key)}</td>`)}</tr>`,
        )}</tbody></table></div>`
      : "";
  return html`<h2>Settings</h2>${differences}
<details><summary>The same in all runs</summary>${pairs(common.map((key) => [key, shown(first, key)]))}</details>
<details><summary>Environment of ${first.name}</summary>
${pairs(Object.entries(first.environment).map(([key, value]) => [key, text(value)]))}</details>`;
}

function pairs(entries: readonly (readonly [string, string])[]): Html {
  return html`<div class="scroll"><table><tbody>${entries.map(
    ([key, value]) => html`<tr><th scope="row">${key}</th><td>${value}</td></tr>`,
  )}</tbody></table></div>`;
}

function epochTable(run: ReportRun): Html {
  const columns: [string, (point: EpochPoint) => string][] = [
    ["Epoch", (point) => String(point.epoch)],
    ["Alpha", (point) => number(point.alpha, 3)],
    ["Learning rate", (point) => number(point.learningRate, 4)],
    ["Training loss", (point) => number(point.trainLoss, 4)],
    ["Validation loss", (point) => number(point.validationLoss, 4)],
    ["Current, %", (point) => number(point.currentAccuracy, 2)],
    ["Deployed, %", (point) => number(point.deployedAccuracy, 2)],
  ];
  return html`<details><summary>Epochs of ${run.name}</summary><div class="scroll"><table class="numbers">
<thead><tr>${columns.map(([title]) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${run.epochs.map(
    (point) => html`<tr>${columns.map(([, cell]) => html`<td>${cell(point)}</td>`)}</tr>`,
  )}</tbody></table></div></details>`;
}

function number(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits);
}

function text(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
