/**
 * The activation as α moves.
 *
 * @module
 */
import type { Ensemble, SmoothName } from "@pea/core";
import { drawChart } from "../chart.ts";
import { smoothChoices } from "../choices.ts";
import { button, byId, input, offer, select } from "../dom.ts";
import { curvesOf, interval } from "./curves.ts";

/** Milliseconds of a glide from the smooth activation to ReLU. */
const GLIDE = 4000;

export function startActivationTab(): void {
  offer("activation-smooth", smoothChoices);
  for (const id of ["smooth", "ensemble", "beta", "alpha"]) {
    document.getElementById(`activation-${id}`)?.addEventListener("input", draw);
  }
  button("activation-play").addEventListener("click", glide);
  draw();
}

function draw(): void {
  const smooth = select("activation-smooth").value as SmoothName;
  const ensemble = select("activation-ensemble").value as Ensemble;
  const [alpha, beta] = [Number(input("activation-alpha").value), Number(input("activation-beta").value)];
  byId("activation-beta-label", HTMLLabelElement).hidden = smooth !== "swish";
  byId("activation-beta-value", HTMLOutputElement).value = beta.toFixed(1);
  byId("activation-alpha-value", HTMLOutputElement).value = alpha.toFixed(2);
  const { value, derivative } = curvesOf({ smooth, ensemble, alpha, beta });
  drawChart(byId("activation-value", SVGSVGElement), value, { x: interval, y: [-1, 4] });
  drawChart(byId("activation-derivative", SVGSVGElement), derivative, { x: interval, y: [-0.25, 1.25] });
  byId("activation-text", HTMLParagraphElement).textContent = inWords(alpha);
}

function inWords(alpha: number): string {
  if (alpha === 0) return "α = 0: the smooth activation alone, as in the initial phase.";
  if (alpha === 1) return "α = 1: ReLU alone, as in the final phase and wherever the network is deployed.";
  return `α = ${alpha.toFixed(2)}: in the transition, ${Math.round(100 * alpha)} % ReLU.`;
}

/** Moves α from 0 to 1. */
function glide(): void {
  const start = performance.now();
  const frame = (now: number): void => {
    const alpha = Math.min(Math.max((now - start) / GLIDE, 0), 1);
    input("activation-alpha").value = String(alpha);
    draw();
    if (alpha < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
