/**
 * Images: seeds, their differences, and a model to take away.
 *
 * @module
 */
import type { EnsembleSettings } from "@pea/tfjs";
import { drawChart, type Series } from "../chart.ts";
import { smoothChoices } from "../choices.ts";
import { button, byId, offer, percent, select, wholeNumber } from "../dom.ts";
import {
  type Compared,
  type EpochDone,
  type FromWorker,
  kinds,
  type NetworkDone,
  type ToWorker,
} from "./protocol.ts";
import { meanWithInterval } from "./statistics.ts";

const titles: Readonly<Record<Compared, string>> = { relu: "ReLU", pea: "PEA" };

let worker: Worker | null = null;
let isPaused = false;
let history: EpochDone[] = [];
/** Accuracies of finished networks by seed. */
let scores: Partial<Record<Compared, number>>[] = [];
let files: NetworkDone["files"] = null;
let seeds = 1;
let epochs = 1;

export function startImagesTab(): void {
  offer("images-smooth", smoothChoices);
  button("images-start").addEventListener("click", start);
  button("images-pause").addEventListener("click", pause);
  button("images-download").addEventListener("click", download);
  draw();
}

function start(): void {
  worker?.terminate();
  [history, scores, files, isPaused] = [[], [], null, false];
  seeds = wholeNumber("images-seeds");
  epochs = wholeNumber("images-epochs");
  const settings = {
    ensemble: select("images-ensemble").value as EnsembleSettings["ensemble"],
    smooth: select("images-smooth").value as EnsembleSettings["smooth"],
  };
  const started = new Worker("images-worker.js", { type: "module" });
  worker = started;
  started.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if (worker === started) take(data);
  });
  started.addEventListener("error", ({ message }) => take({ type: "failed", reason: message }));
  tell({ type: "train", count: wholeNumber("images-count"), epochs, seeds, settings });
  button("images-pause").disabled = false;
  button("images-pause").textContent = "Pause";
  button("images-download").disabled = true;
  say("Training begins.");
  draw();
}

function pause(): void {
  isPaused = !isPaused;
  tell({ type: isPaused ? "pause" : "resume" });
  button("images-pause").textContent = isPaused ? "Go on" : "Pause";
}

const tell = (message: ToWorker): void => worker?.postMessage(message);

function take(message: FromWorker): void {
  switch (message.type) {
    case "step":
      byId("images-progress", HTMLProgressElement).value = message.done / message.total;
      return;
    case "epoch":
      history.push(message);
      say(
        `seed ${message.seed}, ${titles[message.kind]}: epoch ${message.epoch} of ${epochs}` +
          `${message.kind === "pea" ? `, ${message.phase} phase` : ""}, ${percent(message.accuracy)} on the test images`,
      );
      document.documentElement.dataset.tensors = String(message.tensors);
      break;
    case "network":
      scores[message.seed] = { ...scores[message.seed], [message.kind]: message.accuracy };
      files = message.files ?? files;
      button("images-download").disabled = files === null;
      if (message.kind === "pea" && message.seed === seeds - 1) end(`Done. ${inWords()}`);
      break;
    case "failed":
      end(`Training failed: ${message.reason}`);
  }
  draw();
}

function end(text: string): void {
  worker?.terminate();
  worker = null;
  button("images-pause").disabled = true;
  byId("images-progress", HTMLProgressElement).value = 1;
  say(text);
}

function say(text: string): void {
  byId("images-status", HTMLParagraphElement).textContent = text;
}

/** Differences in points, of the seeds of which both networks have finished. */
function differences(): number[] {
  return scores.flatMap(({ relu, pea }) =>
    relu === undefined || pea === undefined ? [] : [100 * (pea - relu)],
  );
}

const signed = (points: number): string => `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)}`;

/** The mean difference with its interval. */
function difference(): string {
  const values = differences();
  if (values.length === 0) return "–";
  const { mean, half } = meanWithInterval(values);
  return half === null
    ? `${signed(mean)} (one seed: no interval)`
    : `${signed(mean)}, 95 % interval ${signed(mean - half)} to ${signed(mean + half)}`;
}

function inWords(): string {
  const values = differences();
  const { mean, half } = meanWithInterval(values);
  if (half === null) return "One seed shows nothing; take several.";
  if (Math.abs(mean) <= half)
    return `Over ${values.length} seeds no difference can be told: ${difference()} points.`;
  return `PEA is ${mean > 0 ? "above" : "below"} ReLU over ${values.length} seeds: ${difference()} points.`;
}

function draw(): void {
  const seed = history.at(-1)?.seed ?? 0;
  const ofSeed = (kind: Compared) => history.filter((entry) => entry.seed === seed && entry.kind === kind);
  const line = (
    kind: Compared,
    read: (entry: EpochDone) => number,
    name = titles[kind],
    look: Series["look"] = kind,
  ) => ({
    name,
    look,
    points: ofSeed(kind).map((entry) => [entry.epoch, read(entry)] as const),
  });
  const x = [1, Math.max(epochs, 2)] as const;
  const accuracies = [
    ...kinds.map((kind) => line(kind, ({ accuracy }) => accuracy)),
    line("pea", ({ deployedAccuracy }) => deployedAccuracy, "deployed", "deployed"),
  ];
  drawChart(byId("images-accuracy", SVGSVGElement), accuracies, {
    x,
    y: [0, 1],
    formatY: (value) => `${Math.round(100 * value)} %`,
  });
  const losses = kinds.map((kind) => line(kind, ({ loss }) => loss));
  drawChart(byId("images-loss", SVGSVGElement), losses, { x, y: [0, 2.4] });
  drawTable();
}

function drawTable(): void {
  const cell = (name: "td" | "th", text: string): HTMLTableCellElement => {
    const element = document.createElement(name);
    if (name === "th") element.scope = "row";
    element.textContent = text;
    return element;
  };
  const shown = (score: number | undefined) => (score === undefined ? "…" : percent(score));
  const rows = scores.map(({ relu, pea }, seed) => {
    const row = document.createElement("tr");
    const points = relu === undefined || pea === undefined ? "…" : signed(100 * (pea - relu));
    row.append(cell("th", String(seed)), cell("td", shown(relu)), cell("td", shown(pea)), cell("td", points));
    return row;
  });
  byId("images-rows", HTMLTableSectionElement).replaceChildren(...rows);
  for (const kind of kinds) {
    const values = scores.flatMap((score) => score[kind] ?? []);
    const mean = values.length === 0 ? "–" : percent(meanWithInterval(values).mean);
    byId(`images-mean-${kind}`, HTMLTableCellElement).textContent = mean;
  }
  byId("images-difference", HTMLTableCellElement).textContent = difference();
}

/** Two files, which tf.loadLayersModel takes side by side. */
function download(): void {
  if (files === null) return;
  save("model.json", new Blob([files.json], { type: "application/json" }));
  save("weights.bin", new Blob([files.weights]));
}

function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
