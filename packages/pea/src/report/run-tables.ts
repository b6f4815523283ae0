/**
 * The tables at the end of a group: cost, settings, single runs, and the numbers behind the curves.
 * @module
 */

import { sample } from "../compare/statistics/index.ts";
import { describeSkippedCounts } from "../data/loading/unreadable-images.ts";
import { baselineName } from "../methods/variant-name.ts";
import { namedKeys } from "../recipe/method-keys.ts";
import { scoreLabel } from "../tasks/task.ts";
import { formatSeconds } from "../terminal/time-left.ts";
import { trainCommand } from "./command.ts";
import { type Curve, type CurvePoint, type Group, settingsThatDiffer, type VariantGroup } from "./groups.ts";
import { type Html, html } from "./html.ts";
import type { ReportRun } from "./run.ts";
import { numbers, scrollable } from "./tables.ts";

/** Training time and throughput by variant; nothing where no run knows them. */
export function throughput({ variants }: Group): Html | "" {
  const mean = (values: readonly number[]) => (values.length > 0 ? sample(values).mean : null);
  const speed = ({ runs }: VariantGroup) =>
    mean(runs.flatMap(({ epochs }) => epochs.flatMap(({ imagesPerSecond }) => imagesPerSecond ?? [])));
  const time = ({ runs }: VariantGroup) => mean(runs.flatMap(({ seconds }) => seconds ?? []));
  const known = variants.filter((item) => speed(item) !== null || time(item) !== null);
  if (known.length === 0) return "";
  const baseline = variants.find(({ variant }) => variant === baselineName);
  const usual = baseline ? speed(baseline) : null;
  const rows = known.map((item) => {
    const [images, seconds] = [speed(item), time(item)];
    return [
      item.variant,
      images === null ? "–" : Math.round(images).toLocaleString("en"),
      ...(usual === null ? [] : [images === null ? "–" : (images / usual).toFixed(2)]),
      seconds === null ? "–" : formatSeconds(seconds),
    ];
  });
  return html`<div><h3>Throughput</h3>
${numbers("Throughput", ["Variant", "Images/s", ...(usual === null ? [] : [`× ${baselineName}`]), "Training"], rows)}
<p class="note">Means over runs: images per second of the training steps, and the time of all of them. Whatever else the machine did at the time is in these numbers.</p></div>`;
}

/** What differs between the runs, what all share, versions, and the commands that repeat them. */
export function settings({ runs, variants }: Group): Html {
  const known = runs.filter((run) => Object.keys(run.settings).length > 0);
  if (known.length === 0) return html``;
  const first = known[0] as ReportRun;
  const names = [...new Set(known.flatMap((run) => Object.keys(run.settings)))].filter(
    // What the variant's name says.
    (name) => !["seed", ...namedKeys].includes(name),
  );
  const valuesOf = (of: readonly ReportRun[], name: string) => [
    ...new Set(of.map((run) => text(run.settings[name]))),
  ];
  const differing = names.filter((name) => valuesOf(known, name).length > 1);
  const common = names.filter((name) => !differing.includes(name));
  const rows = variants.map(({ variant, runs }) => [
    variant,
    ...differing.map((name) => valuesOf(runs, name).join(" or ")),
  ]);
  const notMethod = settingsThatDiffer(runs);
  return html`<h3>Settings</h3>
${
  differing.length > 0
    ? html`${scrollable(
        "What differs",
        html`<table><caption>What differs${notMethod.length > 0 ? ` (not of the method: ${notMethod.join(", ")})` : ""}</caption><thead><tr><th scope="col">Variant</th>${differing.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`,
      )}`
    : ""
}
<details><summary>${differing.length > 0 ? "The same in all runs" : "All settings"}</summary>${pairs(common.map((name) => [name, text(first.settings[name])]))}</details>`;
}

/** The commands that train each variant again, with the first of its seeds. */
export function repeatCommands(groups: readonly Group[]): string[] {
  const first = groups.flatMap(({ variants }) => variants.map(({ runs }) => runs[0] as ReportRun));
  return first.flatMap(({ settings }) => trainCommand(settings) ?? []);
}

/** Each environment that runs were made in, with their number. */
export function environments(runs: readonly ReportRun[]): Html {
  const counts = new Map<string, number>();
  for (const { environment } of runs) {
    const key = JSON.stringify(environment);
    if (key !== "{}") counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return html`${[...counts].map(
    ([key, count]) =>
      html`<details${counts.size === 1 ? html` open` : ""}><summary>Environment of ${count === 1 ? "one run" : `${count} runs`}</summary>${pairs(
        Object.entries(JSON.parse(key)).map(([name, value]) => [name, text(value)]),
      )}</details>`,
  )}`;
}

function pairs(entries: readonly (readonly [string, string])[]): Html {
  return scrollable(
    "Settings",
    html`<table><tbody>${entries.map(
      ([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`,
    )}</tbody></table>`,
  );
}

/** Every run with its scores, and with the images that were left out where there are such. */
export function runTable({ runs }: Group): Html {
  const isWhole = runs.every(({ skipped }) => skipped === undefined);
  const titles = ["Run", "Variant", "Seed", "Test best, %", "Test last, %", "Epochs", "Time"];
  if (!isWhole) titles.push("Images that cannot be read, left out");
  const rows = runs.map((run) => [
    run.name,
    run.variant,
    String(run.seed),
    number(run.test?.best, 2),
    run.test ? number(run.test.last, 2) : "not ended",
    String(run.epochs.length),
    run.seconds === null ? "–" : formatSeconds(run.seconds),
    ...(isWhole ? [] : [run.skipped === undefined ? "none" : describeSkippedCounts(run.skipped)]),
  ]);
  return html`<details><summary>Every run (${runs.length})</summary>${numbers("Every run", titles, rows)}</details>`;
}

/** The numbers behind the curves, variant by variant. */
export function epochTables({ variants, metric }: Group): Html {
  const label = scoreLabel(metric);
  const columns: [string, Curve, (value: number) => string][] = [
    ["α", "alpha", (value) => value.toFixed(3)],
    ["Learning rate", "learningRate", (value) => value.toPrecision(3)],
    ["Training loss", "trainLoss", (value) => value.toFixed(4)],
    ["Validation loss", "validationLoss", (value) => value.toFixed(4)],
    [`Current ${label}, %`, "currentScore", (value) => value.toFixed(2)],
    [`Deployed ${label}, %`, "deployedScore", (value) => value.toFixed(2)],
  ];
  const row = ({ epoch, values }: CurvePoint) => [
    String(epoch),
    ...columns.map(([, curve, format]) => {
      const mean = values[curve]?.mean;
      return mean === undefined ? "–" : format(mean);
    }),
  ];
  return html`${variants
    .filter(({ curves }) => curves.length > 0)
    .map(
      ({
        variant,
        runs,
        curves,
      }) => html`<details><summary>Epochs of ${variant}${runs.length > 1 ? `, means over ${runs.length} runs` : ""}</summary>
${numbers(`Epochs of ${variant}`, ["Epoch", ...columns.map(([title]) => title)], curves.map(row))}</details>`,
    )}`;
}

function number(value: number | null | undefined, digits: number): string {
  return value == null ? "–" : value.toFixed(digits);
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
