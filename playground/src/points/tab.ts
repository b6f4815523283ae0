/**
 * Points in the plane: three networks side by side.
 *
 * @module
 */
import type { EnsembleSettings } from "@pea/tfjs";
import { drawChart, type Series } from "../chart.ts";
import { smoothChoices } from "../choices.ts";
import type { Kind } from "../contender.ts";
import { button, byId, offer, percent, select, wholeNumber } from "../dom.ts";
import { circles, type Point, spirals } from "./data.ts";
import { kinds, type Progress, type ToWorker } from "./protocol.ts";
import { type Cursor, drawRegions } from "./regions.ts";

const COUNT = 240;
const titles: Readonly<Record<Kind, string>> = { relu: "ReLU", pea: "PEA", smooth: "upper limit" };
const canvasIds: Readonly<Record<Kind, string>> = {
  relu: "points-relu",
  pea: "points-pea",
  smooth: "points-smooth-regions",
};

let points: Point[] = [];
let cursor: Cursor | null = null;
let history: Progress[] = [];
let worker: Worker | null = null;
let isPaused = false;

export function startPointsTab(): void {
  offer("points-smooth", smoothChoices);
  for (const id of ["points-data", "points-seed"])
    document.getElementById(id)?.addEventListener("change", takeData);
  button("points-start").addEventListener("click", start);
  button("points-pause").addEventListener("click", pause);
  button("points-clear").addEventListener("click", () => setPoints([]));
  listenForPoints(canvasOf("relu"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  takeData();
}

const canvasOf = (kind: Kind): HTMLCanvasElement => byId(canvasIds[kind], HTMLCanvasElement);

function takeData(): void {
  const name = select("points-data").value;
  const isOwn = name === "own";
  byId("points-class-label", HTMLLabelElement).hidden = !isOwn;
  button("points-clear").hidden = !isOwn;
  const seed = wholeNumber("points-seed");
  setPoints(isOwn ? points : name === "spirals" ? spirals(COUNT, seed) : circles(COUNT, seed));
}

/** Other points end a training that runs. */
function setPoints(next: Point[]): void {
  points = next;
  stop();
  history = [];
  say(
    select("points-data").value === "own"
      ? "Click into the first picture to add points, or move by arrows and add by Enter."
      : "Press Train.",
  );
  draw();
}

function listenForPoints(canvas: HTMLCanvasElement): void {
  const add = ({ x, y }: Cursor): void => {
    if (select("points-data").value !== "own") return;
    setPoints([...points, { x, y, kind: Number(select("points-class").value) as 0 | 1 }]);
  };
  canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    add({ x: (2 * offsetX) / canvas.clientWidth - 1, y: 1 - (2 * offsetY) / canvas.clientHeight });
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (select("points-data").value !== "own" || (step === undefined && event.key !== "Enter")) return;
    event.preventDefault();
    const { x, y } = cursor ?? { x: 0, y: 0 };
    if (step === undefined) add({ x, y });
    else {
      const clamp = (value: number) => Math.min(Math.max(value, -1), 1);
      cursor = { x: clamp(x + 0.1 * (step[0] as number)), y: clamp(y + 0.1 * (step[1] as number)) };
      draw();
    }
  });
  canvas.addEventListener("blur", () => {
    cursor = null;
    draw();
  });
}

function start(): void {
  const present = new Set(points.map(({ kind }) => kind));
  if (present.size < 2) {
    say("There must be points of both kinds: add some of the other one.");
    return;
  }
  stop();
  history = [];
  const settings = {
    ensemble: select("points-ensemble").value as EnsembleSettings["ensemble"],
    smooth: select("points-smooth").value as EnsembleSettings["smooth"],
    seed: wholeNumber("points-seed"),
  };
  const steps = wholeNumber("points-steps");
  const started = new Worker("points-worker.js", { type: "module" });
  worker = started;
  started.addEventListener("message", ({ data }: MessageEvent<Progress>) => {
    if (worker === started) take(data, steps);
  });
  tell({ type: "train", points, steps, settings });
  button("points-pause").disabled = false;
  say("Training begins.");
}

function stop(): void {
  worker?.terminate();
  worker = null;
  isPaused = false;
  button("points-pause").disabled = true;
  button("points-pause").textContent = "Pause";
}

function pause(): void {
  isPaused = !isPaused;
  tell({ type: isPaused ? "pause" : "resume" });
  button("points-pause").textContent = isPaused ? "Go on" : "Pause";
}

const tell = (message: ToWorker): void => worker?.postMessage(message);

function take(progress: Progress, steps: number): void {
  history.push(progress);
  draw();
  const { step, alpha, phase } = progress;
  if (step < steps) say(`step ${step} of ${steps}, ${phase} phase, α = ${alpha.toFixed(2)}`);
  else {
    const { relu, pea } = progress.standings;
    stop();
    say(
      `Done: ReLU ${percent(relu.accuracy)}, PEA ${percent(pea.accuracy)} with ReLU alone. One seed shows nothing; try others.`,
    );
  }
  // For whoever watches the page's memory.
  document.documentElement.dataset.tensors = String(progress.tensors);
}

function say(text: string): void {
  byId("points-status", HTMLParagraphElement).textContent = text;
}

function draw(): void {
  const last = history.at(-1);
  for (const kind of kinds) {
    const standing = last?.standings[kind];
    const canvas = canvasOf(kind);
    drawRegions(canvas, standing?.regions ?? null, points, kind === "relu" ? cursor : null);
    const score =
      standing === undefined
        ? "not trained yet"
        : `${percent(standing.accuracy)} right, loss ${standing.loss.toFixed(3)}`;
    byId(`points-${kind}-score`, HTMLOutputElement).value = score;
    canvas.setAttribute(
      "aria-label",
      `Regions of the network with ${titles[kind]}: ${score}; ${points.length} points`,
    );
  }
  const x = [0, history.at(-1)?.step ?? 1] as const;
  const lossLines = kinds.map(
    (kind): Series => ({
      name: titles[kind],
      look: kind,
      points: history.map(({ step, standings }) => [step, standings[kind].loss]),
    }),
  );
  drawChart(byId("points-loss", SVGSVGElement), lossLines, { x, y: [0, 0.8] });
  const accuracyLines: Series[] = [
    {
      name: "as it is",
      look: "pea",
      points: history.map(({ step, standings }) => [step, standings.pea.accuracy]),
    },
    {
      name: "deployed",
      look: "deployed",
      points: history.map(({ step, standings }) => [step, standings.pea.deployedAccuracy]),
    },
  ];
  drawChart(byId("points-accuracy", SVGSVGElement), accuracyLines, {
    x,
    y: [0, 1],
    formatY: (value) => `${Math.round(100 * value)} %`,
  });
}
