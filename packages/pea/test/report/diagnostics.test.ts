import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DiagnosticsRow } from "../../src/diagnose/index.ts";
import type { Chart } from "../../src/report/chart-parts.ts";
import { charts } from "../../src/report/charts.ts";
import { type Group, groupRuns } from "../../src/report/groups.ts";
import { page } from "../../src/report/page.ts";
import type { ReportRun } from "../../src/report/run.ts";
import { reportRun } from "../support/report-runs.ts";

/** A record of a network with two sites and two batch norms. */
function row(alpha: number | undefined, phase: string, gradient: number | null): DiagnosticsRow {
  const site = (path: string, dead: number) => ({
    path,
    mean: 0.25,
    std: 1.5,
    negative: 0.4,
    kurtosis: 0,
    dead,
  });
  const scores = (loss: number) => ({ loss, top1: 90 });
  return {
    step: 10,
    epoch: 1,
    phase,
    lr: 0.1,
    ...(alpha !== undefined && { alpha }),
    // As it is read from the file, where a number that is not finite is null.
    gradients: { global: gradient as number, modules: { bn1: 0.5 } },
    views: {
      current: {
        running: scores(0.75),
        batch: scores(0.5),
        sites: [site("relu1", 0), site("relu2", 0.1)],
        norms: [
          { path: "bn1", mean: 0, variance: 3 },
          { path: "bn2", mean: 4, variance: 4 },
        ],
      },
    },
  };
}

const rows = (gradient: number) => [
  row(0, "initial", 9),
  row(0, "initial", gradient),
  row(0.5, "transition", gradient + 1),
  row(1, "final", gradient + 2),
  row(1, "final", 9),
];
const runs: ReportRun[] = [
  reportRun("ReLU", 0, { diagnostics: [row(undefined, "training", 1), row(undefined, "training", 2)] }),
  reportRun("WM50%", 0, { diagnostics: rows(1) }),
  reportRun("WM50%", 1, { diagnostics: rows(3) }),
];
const chartOf = (of: readonly ReportRun[], id: string) =>
  charts(groupRuns(of)[0] as Group).find((chart) => chart.id === id) as Chart;
const dataOf = (chart: Chart, variant: string) =>
  (chart.series[variant] ?? []).flatMap(({ id, data }) => (/:band/.test(String(id)) ? [] : [data]));

describe("the report on diagnosed runs", () => {
  test("draws the gradient norm against α, from the last record before the transition to the first behind it", () => {
    const chart = chartOf(runs, "gradients");
    assert.deepEqual(Object.keys(chart.series), ["WM50%"]);
    assert.deepEqual(dataOf(chart, "WM50%"), [
      [
        [0, 2],
        [0.5, 3],
        [1, 4],
      ],
    ]);
  });

  test("draws how far batch norms trail as the root mean square over them", () => {
    const [variances] = dataOf(chartOf(runs.slice(1, 2), "batch-norm"), "WM50%") as [number, number][][];
    assert.deepEqual(variances?.[0], [0, 3.53553]);
  });

  test("leaves out a gradient that was not finite", () => {
    const broken = reportRun("WM50%", 0, {
      diagnostics: [row(0, "initial", 1), row(0.5, "transition", null), row(1, "final", 2)],
    });
    assert.deepEqual(dataOf(chartOf([broken], "gradients"), "WM50%"), [
      [
        [0, 1],
        [1, 2],
      ],
    ]);
  });

  const cellsOf = (of: ReportRun[], label: string) => {
    const text = page({ title: "made up", runs: of }, { source: "", toSvg: () => "<svg></svg>" });
    const table = new RegExp(`aria-label="${label}">.*?</table>`, "s").exec(text)?.[0] ?? "";
    return [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, cells = ""]) =>
      [...cells.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => cell),
    );
  };

  test("has medians by phase, of the baseline too", () => {
    assert.deepEqual(cellsOf(runs, "Diagnostics").slice(1), [
      ["ReLU, training", "2", "1.500", "3.536", "2.828", "5.00", "0.7500", "0.5000"],
      ["WM50%, initial", "4", "6.000", "3.536", "2.828", "5.00", "0.7500", "0.5000"],
      ["WM50%, transition", "2", "3.000", "3.536", "2.828", "5.00", "0.7500", "0.5000"],
      ["WM50%, final", "4", "7.000", "3.536", "2.828", "5.00", "0.7500", "0.5000"],
    ]);
  });

  test("has each site and batch norm at the ends and in the middle of the transition, or at the end", () => {
    const [titles, , second] = cellsOf(runs, "Pre-activations of WM50%, seed 0");
    assert.deepEqual(
      titles?.filter((_, i) => i % 4 === 1),
      ["mean, α 0.00", "mean, α 0.50", "mean, α 1.00"],
    );
    assert.deepEqual(second?.slice(0, 5), ["relu2", "0.25", "1.50", "40", "10.0"]);
    assert.equal(cellsOf(runs, "Pre-activations of ReLU, seed 0")[0]?.length, 5);
    assert.deepEqual(cellsOf(runs, "Batch norms of ReLU, seed 0").slice(1), [
      ["bn1", "3.000", "0.000", "0.5000"],
      ["bn2", "4.000", "4.000", "–"],
    ]);
  });

  test("says nothing of diagnostics where there are none", () => {
    const text = page({ title: "made up", runs: [reportRun("ReLU", 0)] }, { source: "", toSvg: () => "" });
    assert.doesNotMatch(text, /Diagnostics|Gradient norm/);
  });
});
