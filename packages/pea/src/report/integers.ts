/**
 * What runs lose as they become integers, as far as they were exported so.
 * @module
 */
import type { IntegerRecord } from "../export/integer-record.ts";
import { layerName, noisiest } from "../export/integer-summary.ts";
import { compareTarget, targetHead, targetRows } from "../study/compared-targets.ts";
import { mainScore } from "../tasks/task.ts";
import type { Group } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { numbers } from "./tables.ts";

const titles = ["Run, target", "Images", "Floats, %", "Integers, %", "Lost, points", "Same class, %", "KiB"];

/** Scores before and after, and the layers that lose most; nothing where no run was exported in integers. */
export function integerTables(group: Group): Html | "" {
  const { runs } = group;
  const exported = runs.flatMap(({ name, integers = [] }) => integers.map((record) => ({ name, record })));
  if (exported.length === 0) return targetTables(group);
  return html`<h3>In integers</h3>
${numbers(
  "In integers",
  titles,
  exported.map(({ name, record }) => row(name, record)),
)}
${exported.map(({ name, record }) => details(name, record))}`;
}

/** The last models of a study's runs in the forms that it asks for. */
function targetTables({ runs, unfinished, targets }: Group): Html | "" {
  if (targets.length === 0) return "";
  const compared = targets.map((target) => compareTarget(target, runs, { isFinished: unfinished === null }));
  return html`<h3>In integers</h3>
<p class="note">The last models, exported and scored on test images. Δ: difference from ReLU of the same seed in the same form, with its 95 % interval;
lost: points against the same model in floats on the same images, and the most of any run.</p>
${compared.map(({ name, missing, ...target }) => html`<p class="note">${name}${missing > 0 ? `; runs still to be exported: ${missing}` : ""}</p>${numbers(`In integers: ${name}`, targetHead, targetRows(target))}`)}`;
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
