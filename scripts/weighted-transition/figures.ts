/**
 * Draws the figures of docs/weighted-transition.md from results/weighted-transition/course.csv, and prints its tables.
 *
 * `node --conditions=pea-source --import tsx scripts/weighted-transition/figures.ts`
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { init } from "echarts";
import { sample } from "../../packages/pea/src/study/statistics/index.ts";

const folder = "results/weighted-transition";

type Row = Record<string, string>;
/** No cell of these files but a variant's name holds a comma, and only that one is quoted. */
function readCsv(name: string): Row[] {
  const [header = [], ...rows] = readFileSync(join(folder, name), "utf8")
    .trim()
    .split("\n")
    .map((line) =>
      [...line.matchAll(/("[^"]*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) => cell.replaceAll('"', "")),
    );
  return rows.map((cells) => Object.fromEntries(header.map((column, i) => [column, cells[i] ?? ""])));
}

const course = readCsv("course.csv");
const outcomes = readCsv("outcomes.csv");
const variants = [...new Set(course.map(({ variant = "" }) => variant))];
/** Okabe and Ito's palette. */
const colors = ["#7a8794", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];

interface Curve {
  column: string;
  /** Behind the variant's name. */
  suffix?: string;
  dashed?: boolean;
}

/** Means over seeds against steps; every seed as a faint dot. */
function draw(name: string, title: string, curves: Curve[], { shown = variants, log = false } = {}): void {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 860, height: 420 });
  const series = shown.flatMap((variant) => {
    const color = colors[variants.indexOf(variant) % colors.length];
    return curves.flatMap(({ column, suffix = "", dashed = false }) => {
      const rows = course.filter((row) => row.variant === variant);
      const steps = [...new Set(rows.map(({ step }) => Number(step)))].sort((a, b) => a - b);
      const values = (step: number) =>
        rows.filter((row) => Number(row.step) === step).map((row) => Number(row[column]));
      const label = `${variant}${suffix}`;
      return [
        {
          type: "line",
          name: label,
          color,
          symbol: "none",
          lineStyle: { width: 2, type: dashed ? "dashed" : "solid" },
          data: steps.map((step) => [step, sample(values(step)).mean]),
        },
        {
          type: "scatter",
          name: label,
          color,
          symbolSize: 3,
          itemStyle: { opacity: 0.5 },
          data: steps.flatMap((step) => values(step).map((value) => [step, value])),
        },
      ];
    });
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: title, left: 10, top: 6, textStyle: { fontSize: 14 } },
    legend: { top: 30, left: 10, right: 10 },
    grid: { left: 50, right: 20, top: 84, bottom: 44 },
    xAxis: { type: "value", name: "step", nameLocation: "middle", nameGap: 26, max: "dataMax" },
    yAxis: { type: log ? "log" : "value", scale: true },
    series,
  });
  writeFileSync(join(folder, `${name}.svg`), chart.renderToSVGString());
  chart.dispose();
}

const main = variants.filter((name) => !name.includes(","));
draw(
  "accuracy",
  "Accuracy on 500 validation images, %: running statistics (solid), the batch's own (dashed)",
  [{ column: "currentRunningTop1" }, { column: "currentBatchTop1", suffix: ", own", dashed: true }],
  { shown: main },
);
draw(
  "deployed",
  "Accuracy deployed with ReLU only, %: running statistics (solid), the batch's own (dashed)",
  [{ column: "deployedRunningTop1" }, { column: "deployedBatchTop1", suffix: ", own", dashed: true }],
  { shown: main.filter((name) => name !== "ReLU") },
);
draw(
  "mismatch",
  "Running against batch variance: root mean square of ln(batch / running), mean over batch norms",
  [{ column: "currentVarianceMismatch" }],
  { log: true },
);
draw("gradients", "Norm of the gradient of all parameters", [{ column: "gradientNorm" }]);
const percent = (values: number[]) => {
  const { mean, deviation } = sample(values);
  return deviation === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
};
const table = (header: string[], rows: (string | number)[][]) =>
  console.log(
    `| ${[header, header.map(() => "---"), ...rows].map((row) => row.join(" | ")).join(" |\n| ")} |\n`,
  );
/** A column at some steps, each seed's mean. */
const atSteps = (variant: string, column: string, steps: readonly number[]) => {
  const rows = course.filter((row) => row.variant === variant && steps.includes(Number(row.step)));
  const seeds = [...new Set(rows.map(({ seed }) => seed))];
  return seeds.map(
    (seed) => sample(rows.filter((row) => row.seed === seed).map((row) => Number(row[column]))).mean,
  );
};

table(
  ["variant", "n", "test top-1, running statistics", "re-estimated", "difference"],
  variants.map((variant) => {
    const own = outcomes.filter((row) => row.variant === variant);
    const numbers = (column: string) => own.map((row) => Number(row[column]));
    const gains = own.map((row) => Number(row.reestimated) - Number(row.running));
    return [
      variant,
      own.length,
      percent(numbers("running")),
      percent(numbers("reestimated")),
      percent(gains),
    ];
  }),
);
const spans = { "epochs 8 and 9": [384, 432], "epoch 10": [480] } as const;
for (const [label, column] of [
  ["loss, running statistics", "currentRunningLoss"],
  ["loss, the batch's own", "currentBatchLoss"],
  ["gradient norm", "gradientNorm"],
  ["variance mismatch", "currentVarianceMismatch"],
  ["dead channels, %", "currentDead"],
] as const)
  table(
    [label, ...Object.keys(spans), "change"],
    variants.map((variant) => {
      const factor = column === "currentDead" ? 100 : 1;
      const [before = [], after = []] = Object.values(spans).map((steps) =>
        atSteps(variant, column, steps).map((value) => factor * value),
      );
      const change = after.map((value, i) => value - (before[i] as number));
      return [variant, ...[before, after, change].map(percent)];
    }),
  );
