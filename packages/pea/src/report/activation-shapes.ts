/**
 * The activation as α moves from the smooth one to ReLU. All values come from `@pea/core`; the page's script mixes
 * them by the paper's Eq. 1 as the reader moves α, and without a script α = 0.5 is shown.
 * @module
 */
import {
  activations,
  type SmoothName,
  smoothActivations,
  smoothNamed,
  weighted,
  weightedDerivative,
} from "@pea/core";
import { type Group, shownAtFirst, smoothOf } from "./groups.ts";
import { type Html, html } from "./html.ts";

/** Where the curves are computed, from LEAST to MOST; 0 twice, on both sides of ReLU's bend. */
const [LEAST, MOST] = [-4, 3];
const places = [...range(LEAST, -0.05), -1e-9, 1e-9, ...range(0.05, MOST)];

function range(from: number, to: number): number[] {
  const count = Math.round((to - from) / 0.05) + 1;
  return Array.from({ length: count }, (_, i) => Number((from + 0.05 * i).toFixed(2)));
}

/** What the page's script needs: values of f and f′ at `x`. */
export interface ShapeData {
  x: number[];
  f: Record<string, number[]>;
  df: Record<string, number[]>;
}

export function shapeData(): ShapeData {
  const sampled = (part: "f" | "df") =>
    Object.fromEntries(
      Object.values(activations).map((activation) => [
        activation.name,
        places.map((x) => Number(activation[part](x).toFixed(5))),
      ]),
    );
  return { x: places, f: sampled("f"), df: sampled("df") };
}

/** The smooth activation of those variants shown at first that have one; null where none has. */
export function smoothOfReport(groups: readonly Group[]): SmoothName | null {
  for (const group of groups)
    for (const shown of shownAtFirst(group)) {
      const runs = group.variants.find(({ variant }) => variant === shown)?.runs;
      const smooth = runs ? smoothOf(runs) : null;
      if (smooth) return smooth;
    }
  return null;
}

export function activationShapes(smooth: SmoothName): Html {
  const options = smoothActivations().map(
    ({ name, title }) =>
      html`<option value="${name}"${name === smooth ? html` selected` : ""}>${title}</option>`,
  );
  return html`<section id="shapes"><h2>The activation as α moves</h2>
<p class="controls"><label>Smooth activation <select name="smooth" autocomplete="off">${options}</select></label>
<label class="slider">α <input type="range" name="alpha" min="0" max="1" step="0.01" value="0.5" autocomplete="off"
 aria-describedby="mixture"> <output>0.50</output></label></p>
<p id="mixture" aria-live="polite">0.50 · ReLU + 0.50 · ${smoothNamed(smooth).title}</p>
<div class="pair">
${plot("f", "f(x)", rangeOf("f", { low: -1.1, high: 3 }), (x) => weighted(x, 0.5, smooth), smooth)}
${plot("df", "f′(x)", rangeOf("df", { low: -0.25, high: 1.2 }), (x) => weightedDerivative(x, 0.5, smooth), smooth)}
</div>
<p class="note">Thick: the ensemble α·ReLU(x) + (1 − α)·Act(x), which is also the mean of the stochastic ensemble. Thin, solid: ReLU.
Thin, dashed: the smooth activation.</p></section>`;
}

interface Range {
  low: number;
  high: number;
}

/** A usual range, or a wider one where an activation goes beyond it. */
function rangeOf(part: "f" | "df", { low, high }: Range): Range {
  const values = Object.values(activations).flatMap((activation) => places.map((x) => activation[part](x)));
  return { low: Math.min(low, ...values), high: Math.max(high, ...values) };
}

/** The picture in its own units: the curves, and room for the axes' numbers at the left and below. */
const size = { width: 400, height: 230, left: 30, bottom: 22 };

function plot(
  part: "f" | "df",
  title: string,
  { low, high }: Range,
  value: (x: number) => number,
  smooth: SmoothName,
): Html {
  const { width, height, left, bottom } = size;
  const px = (x: number) => Number((((x - LEAST) / (MOST - LEAST)) * width).toFixed(1));
  const py = (y: number) => Number((((high - y) / (high - low)) * height).toFixed(1));
  const path = (f: (x: number) => number) => `M${places.map((x) => `${px(x)} ${py(f(x))}`).join("L")}`;
  const number = (tick: number) => String(tick).replace("-", "−");
  const rows = ticks(low, high, part === "f" ? 1 : 0.5).map(
    (y) =>
      html`<path d="M0 ${py(y)}H${width}"/><text x="-6" y="${py(y) + 4}" text-anchor="end">${number(y)}</text>`,
  );
  const columns = [-4, -3, -2, -1, 0, 1, 2, 3].map(
    (x) =>
      html`<path d="M${px(x)} 0V${height}"/><text x="${px(x)}" y="${height + 16}" text-anchor="middle">${number(x)}</text>`,
  );
  return html`<figure><h3>${title}</h3><svg class="shape" viewBox="${-left} -4 ${width + left + 8} ${height + bottom + 4}"
 data-part="${part}" data-low="${low}" data-high="${high}" data-width="${width}" data-height="${height}" role="img"
 aria-label="${title} of ReLU, of the smooth activation and of their ensemble, for x from −4 to 3">
<g class="grid">${rows}${columns}</g>
<path class="zero" d="M0 ${py(0)}H${width}M${px(0)} 0V${height}"/>
<path class="relu" d="${path(activations.relu[part])}"/>
<path class="smooth" d="${path(smoothNamed(smooth)[part])}"/>
<path class="ensemble" d="${path(value)}"/>
</svg></figure>`;
}

/** Whole multiples of a step, or of one so much larger that there are ten at most. */
function ticks(low: number, high: number, step: number): number[] {
  const wide = step * Math.ceil((high - low) / step / 10);
  const first = Math.ceil(low / wide);
  return Array.from({ length: Math.floor(high / wide) - first + 1 }, (_, i) => (first + i) * wide);
}
