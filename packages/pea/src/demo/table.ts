import Table from "cli-table3";
import { type Sample, sample } from "../compare/statistics/index.ts";
import { signed } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import { percent } from "../report/comparison.ts";
import { formatSeconds } from "../terminal/time-left.ts";
import type { DemoRun, DemoSummary } from "./demo.ts";

/** The demo's result as a table: a column per variant, means and standard deviations where there are several seeds. */
export function formatSummary({ runs, comparison }: DemoSummary): string {
  const variants = [baselineName, comparison.variant];
  const of = (variant: string) => runs.filter((run) => run.variant === variant);
  const table = new Table({ head: ["", ...variants], style: { head: [], border: [] } });
  const row = (title: string, cell: (runs: DemoRun[]) => string) =>
    table.push([title, ...variants.map((variant) => cell(of(variant)))]);
  const values = (runs: DemoRun[], value: (run: DemoRun) => number) => sample(runs.map(value));

  row("test accuracy", (runs) => percent(values(runs, (run) => run.testAccuracy)));
  table.push(["difference, points", "", difference(comparison.difference)]);
  row("ONNX: only activation Relu", (runs) => {
    const isOnlyOne = runs.every((run) => run.export.otherActivations.length === 0);
    return isOnlyOne ? `yes, ${runs[0]?.export.operators.Relu} nodes` : "no";
  });
  row("ONNX: largest difference", (runs) =>
    Math.max(...runs.map((run) => run.export.largestDifference)).toExponential(1),
  );
  row("ONNX: size", (runs) => `${((runs[0]?.export.bytes ?? 0) / 1024).toFixed(0)} KiB`);
  row("latency, 1 thread", (runs) => milliseconds(values(runs, (run) => run.latency.oneThread.milliseconds)));
  row("latency, all threads", (runs) =>
    milliseconds(values(runs, (run) => run.latency.allThreads.milliseconds)),
  );
  row("training time", (runs) => formatSeconds(values(runs, (run) => run.trainingSeconds).mean));
  return table.toString();
}

function difference({ mean, deviation }: Sample): string {
  return deviation === null ? signed(mean) : `${signed(mean)} ± ${deviation.toFixed(2)}`;
}

function milliseconds({ mean }: Sample): string {
  return `${mean.toFixed(3)} ms`;
}
