import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { charts } from "../src/report/charts.ts";
import { page } from "../src/report/page.ts";
import type { ReportRun } from "../src/report/run.ts";

const chartLibrary = readFileSync(
  createRequire(import.meta.url).resolve("echarts/dist/echarts.common.min.js"),
  "utf8",
);

function run(variant: string, seed: number, more: Partial<ReportRun> = {}): ReportRun {
  const isPea = variant !== "ReLU";
  return {
    name: `${variant}-${seed}`,
    variant,
    seed,
    settings: { pea: isPea ? variant : "none", epochs: 2, seed },
    environment: { node: "20" },
    phases: isPea
      ? [
          { name: "transition", firstEpoch: 0.5, endEpoch: 1.5 },
          { name: "final", firstEpoch: 1.5, endEpoch: 2 },
        ]
      : [{ name: "training", firstEpoch: 0, endEpoch: 2 }],
    epochs: [1, 2].map((epoch) => ({
      epoch,
      trainLoss: 1 / epoch,
      validationLoss: 1.1 / epoch,
      currentAccuracy: 80 + epoch,
      deployedAccuracy: isPea ? 60 + 10 * epoch : 80 + epoch,
      alpha: isPea ? epoch / 2 : null,
      learningRate: 0.1 / epoch,
    })),
    test: { accuracy: 90, images: 10_000 },
    seconds: 61,
    ...more,
  };
}

describe("the report's page", () => {
  const runs = [run("ReLU", 0), run("SM75%", 0, { test: { accuracy: 91, images: 10_000 } })];
  const text = page(runs, "/* charts */");

  test("opens with the verdict", () => {
    const verdict = text.indexOf("SM75% ends 1.00 points above ReLU");
    assert.ok(verdict > 0 && verdict < text.indexOf("<table"));
    assert.match(text, /One seed: nothing can be concluded/);
  });

  test("says how many test images there are and what that is worth", () => {
    assert.match(text, /10,000 test images[\s\S]*standard error of 0\.30 points/);
  });

  test("refers to nothing outside of itself, and forbids itself to", () => {
    for (const attribute of text.matchAll(/\b(?:src|href|action|data|srcset)\s*=\s*"([^"]*)"/g)) {
      assert.fail(`external reference: ${attribute[0]}`);
    }
    assert.doesNotMatch(text, /@import|url\(|https?:|\bfetch\(|XMLHttpRequest/);
    assert.match(text, /Content-Security-Policy" content="default-src &#39;none&#39;;/);
  });

  test("escapes every value, in text and in scripts", () => {
    const evil = `</script><img src=x onerror=alert(1)>"'&`;
    const hostile = run(evil, 0, { name: evil, settings: { [evil]: evil }, environment: { [evil]: evil } });
    const page1 = page([run("ReLU", 0), hostile], "");
    assert.doesNotMatch(page1, /<img/);
    assert.equal(page1.match(/<\/script>/g)?.length, 3);
  });

  test("shows only the settings that differ at once", () => {
    const differing = text.slice(text.indexOf("What differs"), text.indexOf("The same in all runs"));
    assert.match(differing, /pea/);
    assert.doesNotMatch(differing, /epochs/);
  });

  test("is readable for unfinished runs", () => {
    assert.match(page([run("SM75%", 0, { test: null, epochs: [] })], ""), /No run has ended yet/);
    assert.match(page([run("SM75%", 0)], ""), /no ReLU run of the same seed/);
  });
});

describe("charts", () => {
  const byId = (runs: ReportRun[]) => Object.fromEntries(charts(runs).map((chart) => [chart.id, chart]));
  const lines = (runs: ReportRun[], id: string) => byId(runs)[id]?.option.series as Record<string, unknown>[];
  const runs = [run("ReLU", 0), run("SM75%", 0)];

  test("shows deployed accuracy apart only where it differs", () => {
    assert.deepEqual(
      lines(runs, "accuracy").map(({ name }) => name),
      ["ReLU", "SM75%", "SM75% deployed"],
    );
  });

  test("has alpha for runs with PEA only", () => {
    assert.deepEqual(
      lines(runs, "alpha").map(({ name, data }) => [name, data]),
      [
        [
          "SM75%",
          [
            [1, 0.5],
            [2, 1],
          ],
        ],
      ],
    );
    assert.equal(byId([run("ReLU", 0)]).alpha, undefined);
  });

  test("shades the transition", () => {
    const areas = lines(runs, "loss").flatMap(
      ({ markArea }) => (markArea as { data: unknown } | undefined)?.data ?? [],
    );
    assert.deepEqual(areas, [[{ name: "transition", xAxis: 0.5 }, { xAxis: 1.5 }]]);
  });

  test("gives the runs of a variant one colour and one entry of the legend", () => {
    const both = lines([run("SM75%", 0), run("SM75%", 1)], "alpha");
    assert.deepEqual(new Set(both.map(({ name }) => name)), new Set(["SM75%"]));
    assert.equal(new Set(both.map(({ color }) => color)).size, 1);
  });
});

describe("the report in Chromium", () => {
  const chromium = "/usr/bin/chromium";
  const skip = existsSync(chromium) ? false : `${chromium} is not installed (apt-get install chromium)`;

  test("draws every chart without an error, at 390 and 1280 pixels", { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), "pea-report-"));
    try {
      const path = join(folder, "report.html");
      const runs = [run("ReLU", 0), run("SM75%", 0)];
      writeFileSync(path, page(runs, chartLibrary));
      for (const width of [390, 1280]) {
        const { dom, log } = open(path, width);
        assert.equal(dom.match(/<svg /g)?.length, charts(runs).length);
        assert.doesNotMatch(log, /CONSOLE/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** The page's elements after its scripts have run, and what the browser wrote to its log. */
  function open(path: string, width: number): { dom: string; log: string } {
    const log = `${path}.log`;
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"];
    const dom = execFileSync(
      "sh",
      [
        "-c",
        'exec "$0" "$@" 2>"$LOG"',
        chromium,
        ...flags,
        "--virtual-time-budget=2000",
        `--window-size=${width},2000`,
        "--dump-dom",
        `file://${path}`,
      ],
      { encoding: "utf8", env: { ...process.env, LOG: log }, maxBuffer: 1 << 26 },
    );
    return { dom: dom.slice(0, dom.indexOf('id="charts"')), log: readFileSync(log, "utf8") };
  }
});
