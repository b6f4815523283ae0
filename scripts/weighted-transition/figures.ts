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
import { compareVariants } from "../../packages/pea/src/compare/compare.ts";
import { pairedTest, sample } from "../../packages/pea/src/compare/statistics/index.ts";
import { markdownTable, meanAndSpread, probability, signed } from "../../packages/pea/src/compare/words.ts";

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
  "Running against batch variance: root mean square of ln(batch / running) over all channels",
  [{ column: "currentVarianceMismatch" }],
  { log: true },
);
draw("gradients", "Norm of the gradient of all parameters", [{ column: "gradientNorm" }]);

/** The variant that the open problem is about; the others are compared with it. */
const subject = "WM96%";

const spread = (values: number[]) => meanAndSpread(sample(values));
/** A mean with the 95 % interval of the one-sample t-test. */
function interval(values: number[]): string {
  const test = pairedTest(
    values,
    values.map(() => 0),
  );
  const bounds = test ? ` [${test.interval.map(signed).join(", ")}]` : "";
  return `${signed(sample(values).mean)}${bounds}`;
}

/** Columns that are told with an interval. */
const isDifference = (column: string): boolean => ["difference", "change"].includes(column);

/** Values by variant and seed, with what the seeds carry of its difference from the subject. */
function table(
  title: string,
  columns: readonly string[],
  values: (variant: string, seed: number) => number[],
): void {
  const seedsOf = (variant: string) =>
    outcomes.filter((row) => row.variant === variant).map(({ seed }) => Number(seed));
  const comparisons = compareVariants(
    variants.flatMap((variant) =>
      seedsOf(variant).map((seed) => ({
        variant,
        seed,
        testScore: values(variant, seed).at(-1) as number,
      })),
    ),
    { reference: subject },
  );
  const rows = variants.map((variant) => {
    const bySeed = seedsOf(variant).map((seed) => values(variant, seed));
    const cells = columns.map((_, i) => {
      const column = bySeed.map((row) => row[i] as number);
      return isDifference(columns[i] as string) ? interval(column) : spread(column);
    });
    const comparison = comparisons.find((item) => item.variant === variant);
    const against = comparison
      ? [
          interval(comparison.differences),
          comparison.paired ? probability(comparison.paired.p) : "–",
          comparison.adjustedP === null ? "–" : probability(comparison.adjustedP),
        ]
      : ["", "", ""];
    return [variant, String(bySeed.length), ...cells, ...against];
  });
  console.log(`${markdownTable([title, "n", ...columns, `against ${subject}`, "p", "p, Holm"], rows)}\n`);
}

const scoreOf = (name: "running" | "reestimated", variant: string, seed: number): number =>
  Number(outcomes.find((row) => row.variant === variant && Number(row.seed) === seed)?.[name]);

table("test top-1, %", ["running statistics"], (variant, seed) => [scoreOf("running", variant, seed)]);
table("test top-1, %", ["difference", "re-estimated"], (variant, seed) => {
  const reestimated = scoreOf("reestimated", variant, seed);
  return [reestimated - scoreOf("running", variant, seed), reestimated];
});

// The last lines of diagnostics: two with α just below 1, and one after.
const steps = [...new Set(course.map(({ step }) => Number(step)))].sort((a, b) => a - b).slice(-3);
const [before, after] = [steps.slice(0, 2), steps.slice(2)];
/** The mean of a column over some steps of a run. */
const atSteps = (column: string, variant: string, seed: number, steps: readonly number[]): number =>
  sample(
    course
      .filter(
        (row) => row.variant === variant && Number(row.seed) === seed && steps.includes(Number(row.step)),
      )
      .map((row) => Number(row[column])),
  ).mean;
for (const [title, column, factor] of [
  ["loss, running statistics", "currentRunningLoss", 1],
  ["loss, the batch's own", "currentBatchLoss", 1],
  ["gradient norm", "gradientNorm", 1],
  ["variance mismatch", "currentVarianceMismatch", 1],
  ["dead channels, %", "currentDead", 100],
] as const)
  table(title, [`steps ${before.join(" and ")}`, `step ${after}`, "change"], (variant, seed) => {
    const [first, last] = [before, after].map((steps) => factor * atSteps(column, variant, seed, steps));
    return [first as number, last as number, (last as number) - (first as number)];
  });
