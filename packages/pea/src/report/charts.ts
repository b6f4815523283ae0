/**
 * The curves of a report as options of ECharts: data alone, without functions, so that they can stand in the page as
 * JSON.
 * @module
 */
import { baselineName } from "./comparison.ts";
import type { EpochPoint, ReportRun } from "./run.ts";

export interface Chart {
  id: string;
  title: string;
  /** What the reader sees, in a sentence below the title. */
  caption: string;
  option: Record<string, unknown>;
}

type Curve = (point: EpochPoint) => number | null;

// Okabe and Ito's palette, without yellow (too faint on white): told apart with any kind of colour vision.
const baselineColor = "#7a8794";
const variantColors = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/** Accuracy, loss, alpha and learning rate by epoch; a chart without a single value is left out. */
export function charts(runs: readonly ReportRun[]): Chart[] {
  const shaded = runs.find(({ phases }) => phases.some(({ name }) => name === "transition"));
  const shading = shaded ? ` Shaded: the transition of ${shaded.variant}, seed ${shaded.seed}.` : "";
  const seeds = new Set(runs.map((run) => run.seed)).size > 1 ? " One line per seed." : "";
  const chart = (id: string, title: string, unit: string, caption: string, lines: unknown[]): Chart => ({
    id,
    title,
    caption: caption + seeds + shading,
    option: option(title, unit, lines),
  });
  const lines = (curve: Curve) => runs.flatMap((run) => line(run, runs, curve, { shade: run === shaded }));
  const dashedLines = (curve: Curve, suffix: string, of = runs) =>
    of.flatMap((run) => line(run, runs, curve, { suffix }));
  const changing = runs.filter(({ epochs }) =>
    epochs.some((point) => point.deployedAccuracy !== point.currentAccuracy),
  );
  const all = [
    chart(
      "accuracy",
      "Validation accuracy",
      "%",
      "Solid: with the activation as it trains. Dashed: deployed, with ReLU at every site.",
      [
        ...lines((point) => point.currentAccuracy),
        ...dashedLines((point) => point.deployedAccuracy, "deployed", changing),
      ],
    ),
    chart("loss", "Loss", "", "Cross-entropy. Solid: training, mean over the epoch. Dashed: validation.", [
      ...lines((point) => point.trainLoss),
      ...dashedLines((point) => point.validationLoss, "validation"),
    ]),
    chart(
      "alpha",
      "Alpha",
      "",
      "Share of ReLU in the ensemble: 0 is the smooth activation alone, 1 is ReLU alone.",
      lines((point) => point.alpha),
    ),
    chart(
      "learning-rate",
      "Learning rate",
      "",
      "At the last step of each epoch.",
      lines((point) => point.learningRate),
    ),
  ];
  return all.filter(({ option }) => (option.series as unknown[]).length > 0);
}

function option(title: string, unit: string, series: unknown[]): Record<string, unknown> {
  return {
    animation: false,
    aria: { enabled: true },
    backgroundColor: "transparent",
    grid: { left: 8, right: 20, top: 56, bottom: 40, containLabel: true },
    legend: { type: "scroll", top: 0, left: 0, right: 0, lineStyle: { width: 2 } },
    tooltip: { trigger: "axis", confine: true },
    xAxis: { type: "value", name: "epoch", nameLocation: "middle", nameGap: 26, minInterval: 1, min: 0 },
    yAxis: {
      type: "value",
      scale: true,
      name: unit ? `${title}, ${unit}` : title,
      nameTextStyle: { align: "left" },
    },
    series,
  };
}

/**
 * One curve of one run. Runs of a variant share a name, and with it one entry of the legend.
 * @param suffix makes the line dashed and stands behind its name
 */
function line(
  run: ReportRun,
  runs: readonly ReportRun[],
  curve: Curve,
  { shade = false, suffix }: { shade?: boolean; suffix?: string },
): unknown[] {
  const data = run.epochs
    .map((point) => [point.epoch, rounded(curve(point))])
    .filter(([, value]) => value !== null);
  if (data.length === 0) return [];
  return [
    {
      type: "line",
      name: suffix ? `${run.variant} ${suffix}` : run.variant,
      data,
      color: color(run, runs),
      symbolSize: 5,
      lineStyle: { width: 2, type: suffix ? "dashed" : "solid" },
      ...(shade && { markArea: transitionArea(run) }),
    },
  ];
}

function color({ variant }: ReportRun, runs: readonly ReportRun[]): string {
  if (variant === baselineName) return baselineColor;
  const variants = [...new Set(runs.map((run) => run.variant))].filter((name) => name !== baselineName);
  return variantColors[variants.indexOf(variant) % variantColors.length] as string;
}

/** The transition as a band; initial and final phase stay clear on both sides of it. */
function transitionArea({ phases }: ReportRun): Record<string, unknown> {
  const transitions = phases.filter(({ name }) => name === "transition");
  return {
    silent: true,
    itemStyle: { color: "rgba(128, 128, 128, 0.13)" },
    label: { show: true, position: "insideTop", color: "#888", fontSize: 11 },
    data: transitions.map(({ firstEpoch, endEpoch }) => [
      { name: "transition", xAxis: rounded(firstEpoch) },
      { xAxis: rounded(endEpoch) },
    ]),
  };
}

/** Six digits are more than a curve shows, and keep the page small. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(6));
}
