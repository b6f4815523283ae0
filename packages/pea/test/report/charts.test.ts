import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Chart } from "../../src/report/chart-parts.ts";
import { charts, drawn } from "../../src/report/charts.ts";
import { type Group, groupRuns, shownAtFirst } from "../../src/report/groups.ts";
import type { ReportRun } from "../../src/report/run.ts";
import { madeResults } from "../support/made-study.ts";
import { reportRun } from "../support/report-runs.ts";

const groupOf = (runs: readonly ReportRun[]) => groupRuns(runs)[0] as Group;
const chartOf = (runs: readonly ReportRun[], id: string) =>
  charts(groupOf(runs)).find((chart) => chart.id === id) as Chart;
const named = (chart: Chart, variant: string) =>
  (chart.series[variant] ?? []).filter(({ name }) => name !== undefined);

describe("charts", () => {
  const runs = [reportRun("ReLU", 0), reportRun("SM75%", 0)];

  test("have alpha below the accuracy, for runs with PEA only", () => {
    const chart = chartOf(runs, "accuracy");
    const alpha = (variant: string) => named(chart, variant).find(({ yAxisIndex }) => yAxisIndex === 1);
    assert.deepEqual(alpha("SM75%")?.data, [
      [1, 0.5],
      [2, 1],
    ]);
    assert.equal(alpha("ReLU"), undefined);
  });

  test("set deployed accuracy against the current one by alpha, for runs with PEA only", () => {
    const chart = chartOf(runs, "deployed");
    assert.deepEqual(Object.keys(chart.series), ["SM75%"]);
    assert.deepEqual(
      named(chart, "SM75%").map(({ name, data }) => [name, data]),
      [
        [
          "SM75%",
          [
            [0.5, 81],
            [1, 82],
          ],
        ],
        [
          "SM75% deployed",
          [
            [0.5, 70],
            [1, 80],
          ],
        ],
      ],
    );
    assert.equal(chartOf([reportRun("ReLU", 0)], "deployed"), undefined);
  });

  test("shade the transition of the first variant shown that has one", () => {
    const chart = chartOf(runs, "loss");
    const areas = (variants: string[]) =>
      (drawn(chart, variants).series as { markArea?: { data: { xAxis: number; name?: string }[][] } }[])
        .flatMap(({ markArea }) => markArea?.data ?? [])
        .map(([start, end]) => [start?.name, start?.xAxis, end?.xAxis]);
    assert.deepEqual(areas(["ReLU", "SM75%"]), [
      ["transition", 0.5, 1.5],
      ["final", 1.5, 2],
    ]);
    assert.deepEqual(areas(["ReLU"]), []);
    assert.match(chart.bands["SM75%"]?.caption ?? "", /transition of SM75%, epoch 0\.5 to 1\.5/);
  });

  test("show the mean over seeds and the range from the lowest to the highest", () => {
    const shifted = (seed: number, by: number) =>
      reportRun("ReLU", seed, {
        epochs: reportRun("ReLU", seed).epochs.map((point) => ({
          ...point,
          currentScore: (point.currentScore as number) + by,
        })),
      });
    const [low, range, mean] = chartOf([shifted(0, 0), shifted(1, 3)], "accuracy").series.ReLU as {
      data: unknown;
    }[];
    assert.deepEqual(low?.data, [
      [1, 81],
      [2, 82],
    ]);
    assert.deepEqual(range?.data, [
      [1, 3],
      [2, 3],
    ]);
    assert.deepEqual(mean?.data, [
      [1, 82.5],
      [2, 83.5],
    ]);
  });

  test("leave the first third of a run out of sight, unless the whole range is asked for", () => {
    const epochs = [10, 60, 88, 90, 90.4, 90.5].map((currentScore, i) => ({
      ...(reportRun("ReLU", 0).epochs[0] as ReportRun["epochs"][number]),
      epoch: i + 1,
      currentScore,
    }));
    const chart = chartOf([reportRun("ReLU", 0, { epochs })], "accuracy");
    const least = (whole: boolean) => (drawn(chart, ["ReLU"], { whole }).yAxis as { min?: number }[])[0]?.min;
    assert.equal(least(false), 88);
    assert.equal(least(true), undefined);
  });

  test("tell variants apart by more than their colour", () => {
    const results = madeResults({ network: "mobilenet-0.25-small", seeds: 1, epochs: 2 });
    const chart = chartOf(
      results.map(({ variant, seed, epochs }) => reportRun(variant, seed, { epochs })),
      "accuracy",
    );
    const looks = Object.keys(chart.series).map((variant) => named(chart, variant)[0]);
    assert.equal(new Set(looks.map((look) => `${look?.color} ${look?.symbol}`)).size, 17);
    // At the end of each line stands its name.
    assert.ok(looks.every((look) => (look?.endLabel as { show?: boolean } | undefined)?.show));
  });
});

describe("of many variants are shown at first", () => {
  test("the baseline, the best of each ensemble and the best upper limit", () => {
    const scores = {
      ReLU: 90,
      "SM75%": 91,
      "SG75%": 91.2,
      "WG75%": 90.8,
      "WM75%": 90.1,
      mish: 91.8,
      gelu: 91.5,
    };
    const runs = Object.entries(scores).map(([variant, best]) =>
      reportRun(variant, 0, { test: { best, last: best, images: null } }),
    );
    assert.deepEqual(shownAtFirst(groupOf(runs)), ["ReLU", "SG75%", "WG75%", "mish"]);
  });

  test("all, where there are six or fewer", () => {
    assert.deepEqual(shownAtFirst(groupOf([reportRun("SM75%", 0), reportRun("ReLU", 0)])), ["ReLU", "SM75%"]);
  });
});
