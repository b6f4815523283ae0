/**
 * What runs lose as they become integers, as far as they were exported so.
 * @module
 */
import type { IntegerRecord } from "../export/integer-record.ts";
import { layerName, noisiest } from "../export/integer-summary.ts";
import { mainScore } from "../tasks/task.ts";
import type { Group } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { numbers } from "./tables.ts";

const titles = ["Run, target", "Images", "Floats, %", "Integers, %", "Lost, points", "Same class, %", "KiB"];

/** Scores before and after, and the layers that lose most; nothing where no run was exported in integers. */
export function integerTables({ runs }: Group): Html | "" {
  const exported = runs.flatMap(({ name, integers = [] }) => integers.map((record) => ({ name, record })));
  if (exported.length === 0) return "";
  return html`<h3>In integers</h3>
${numbers(
  "In integers",
  titles,
  exported.map(({ name, record }) => row(name, record)),
)}
${exported.map(({ name, record }) => details(name, record))}`;
}

function row(name: string, { target, bytes, scores }: IntegerRecord): string[] {
  const size = (bytes / 1024).toFixed(1);
  if (scores === undefined) return [`${name}, ${target}`, "–", "–", "–", "–", "–", size];
  const { images, float, deployed, loss, sameClass } = scores;
  const figures = [mainScore(float), mainScore(deployed), loss, sameClass].map((figure) => figure.toFixed(2));
  return [`${name}, ${target}`, String(images), ...figures, size];
}

function details(name: string, { target, verified, layers }: IntegerRecord): Html {
  const label = `Layers of ${name}, ${target}`;
  const rows = noisiest(layers).map((layer) => [layerName(layer), (layer.decibels as number).toFixed(1)]);
  return html`<details><summary>${target} of ${name}: what was proven, and the noise of each layer</summary>
<ul>${verified.map((line) => html`<li>${line}</li>`)}</ul>
${numbers(label, ["Layer", "Signal to noise, dB"], rows)}</details>`;
}
