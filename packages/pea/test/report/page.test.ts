import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { activations, weighted, weightedDerivative } from "@pea/core";
import { shapeData } from "../../src/report/activation-shapes.ts";
import { page } from "../../src/report/page.ts";
import { chartLibrary } from "../../src/report/report.ts";
import type { ReportRun } from "../../src/report/run.ts";
import { madeResults } from "../support/made-study.ts";
import { reportRun, reportRuns } from "../support/report-runs.ts";

/** Without ECharts, whose source is no matter here. */
const pageOf = (runs: readonly ReportRun[], commands: readonly string[] = []) =>
  page(
    { title: "made up", runs: [...runs], commands },
    { source: "/* charts */", toSvg: () => "<svg></svg>" },
  );

const withoutTags = (html: string) =>
  html
    .replace(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replace(/\s+/g, " ");

describe("the report's page", () => {
  const runs = [...reportRuns("ReLU", [90]), ...reportRuns("SM75%", [91])];
  const text = pageOf(runs);

  test("opens with the verdict, which of one seed is that nothing can be concluded", () => {
    const body = withoutTags(text.slice(text.indexOf("<body>")));
    assert.match(
      body,
      /^ Progressive Ensemble Activations: made up mobilenet-0\.25-small on fashion-mnist One seed: nothing can be concluded\. SM75% ends 1\.00 points above ReLU/,
    );
    assert.match(body, /Without spread over seeds there is no interval, no test, no conclusion\./);
  });

  test("has a section for each network, and a verdict that leads to it", () => {
    const other = { network: "erfnet", dataset: "cityscapes", metric: "miou" } as const;
    const both = pageOf([...runs, ...reportRuns("ReLU", [54], other), ...reportRuns("WM90%", [55], other)]);
    assert.deepEqual(
      [...both.matchAll(/<a href="#([^"]*)">([^<]*)/g)].map(([, id, title]) => [id, title]),
      [
        ["group-1", "mobilenet-0.25-small on fashion-mnist"],
        ["group-2", "erfnet on cityscapes"],
      ],
    );
    assert.match(both, /<section id="group-2"><h2>erfnet on cityscapes/);
    assert.match(both, /mIoU of the deployed network on the test images/);
  });

  test("says how many test images there are and what that is worth", () => {
    // √(0.899 · 0.101 / 10,000)
    assert.match(text, /10,000 test images[\s\S]*standard error of 0\.30 points/);
  });

  test("refers to nothing outside of itself, and forbids itself to", () => {
    for (const attribute of text.matchAll(/\b(?:src|href|action|data|srcset)\s*=\s*"(?!#)([^"]*)"/g)) {
      assert.fail(`external reference: ${attribute[0]}`);
    }
    assert.doesNotMatch(text, /@import|url\(|https?:|\bfetch\(|XMLHttpRequest/);
    assert.match(text, /Content-Security-Policy" content="default-src &#39;none&#39;;/);
  });

  test("escapes every value, in text and in scripts", () => {
    const evil = `</script><img src=x onerror=alert(1)>"'&`;
    const hostile = reportRun(evil, 0, {
      ...{ name: evil, network: evil, dataset: evil },
      settings: { [evil]: evil },
      environment: { [evil]: evil },
    });
    const attacked = page(
      {
        title: evil,
        runs: [reportRun("ReLU", 0, { network: evil, dataset: evil }), hostile],
        commands: [evil],
      },
      { ...chartLibrary(), source: "" },
    );
    assert.doesNotMatch(attacked, /<img/);
    assert.equal(attacked.match(/<\/script>/g)?.length, 3);
  });

  test("shows only the settings that differ at once, apart from what the variant's name says", () => {
    const settings = { model: "mobilenet-0.25-small", pea: "SM75%", epochs: 2, lr: 0.3, seed: 0 };
    const page1 = pageOf([reportRun("ReLU", 0), reportRun("SM75%", 0, { settings })]);
    const differing = page1.slice(page1.indexOf("What differs"), page1.indexOf("The same in all runs"));
    assert.match(differing, />lr</);
    assert.doesNotMatch(differing, />(epochs|pea|seed)</);
    assert.match(page1, /differ in more than the method: in lr\./);
  });

  test("says which runs went on without images that cannot be read, and only where there are such", () => {
    const skipped = { train: 2, test: 1 };
    const page1 = pageOf([reportRun("ReLU", 0), reportRun("SM75%", 0, { skipped })]);
    const table = page1.slice(page1.indexOf("Every run (2)"));
    assert.match(table, /cannot be read, left out<\/th>/);
    assert.match(table, />2 training, 1 test<\/td>/);
    assert.match(table, />none<\/td>/);
    assert.doesNotMatch(pageOf(runs), /cannot be read, left out/);
  });

  test("is readable for unfinished runs", () => {
    assert.match(pageOf([reportRun("SM75%", 0, { test: null, epochs: [] })]), /No run has ended yet/);
    assert.match(pageOf([reportRun("SM75%", 0)]), /no ReLU run of the same seed/);
  });

  test("has the commands that repeat it", () => {
    const repeated = pageOf(runs, ["npx pea-train report runs/a"]);
    assert.match(repeated, /npx pea-train report runs\/a/);
    assert.match(
      repeated,
      /npx pea-train train --model mobilenet-0\.25-small --data fashion-mnist --pea SM75% --epochs 2/,
    );
  });

  test("draws every curve without a script, in pictures", () => {
    const { source, toSvg } = chartLibrary();
    const pictures = page({ title: "made up", runs }, { source, toSvg }).match(/<noscript><svg/g);
    assert.equal(pictures?.length, 4);
  });
});

describe("the table of scores", () => {
  const rowsOf = (text: string) => {
    const table = text.slice(text.indexOf('aria-label="Scores"'), text.indexOf("Tests in full"));
    return [...table.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)].map(([, row]) =>
      [...(row as string).matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) =>
        withoutTags(cell as string).trim(),
      ),
    );
  };

  test("has means, deviations, paired differences, intervals and Holm's p, of the best and the last model", () => {
    // Specification, recipes 7.4: paired 0.83 ± 0.0472812, p = 1.0603e-6.
    const relu = reportRuns("ReLU", [60.7, 60.81, 60.66, 60.79, 60.74]);
    const pea = reportRuns("SM75%", [61.49, 61.63, 61.55, 61.6, 61.58]);
    const rows = rowsOf(pageOf([...relu, ...pea]));
    assert.deepEqual(rows[1], [
      ...["Variant", "n"],
      ...["mean ± sd", "− ReLU", "95 % interval", "p, Holm", "result"],
      ...["mean ± sd", "− ReLU", "95 % interval", "p, Holm", "result"],
    ]);
    assert.deepEqual(rows[2], ["ReLU", "5", "60.74 ± 0.06", "", "", "", "", "60.64 ± 0.06", "", "", "", ""]);
    const compared = ["+0.83", "+0.78 to +0.88", "< 0.0001", "above"];
    assert.deepEqual(rows[3], ["SM75%", "5", "61.57 ± 0.05", ...compared, "61.47 ± 0.05", ...compared]);
  });

  test("goes from the baseline over PEA and upper limits to others, from the highest score down", () => {
    const runs = ["mish", "WG75%", "mish, ReLU from 90%", "ReLU", "SM75%"].flatMap((variant, i) =>
      reportRuns(variant, [90 + i, 90.2 + 1.1 * i]),
    );
    assert.deepEqual(
      rowsOf(pageOf(runs))
        .slice(2)
        .map(([variant]) => variant),
      ["ReLU", "SM75%", "WG75%", "mish upper limit", "mish, ReLU from 90%"],
    );
  });
});

test("a study of 17 variants and 5 seeds makes a page below 3 MB", () => {
  const runs = madeResults({ network: "mobilenet-0.25-small", epochs: 120 }).map((result) =>
    reportRun(result.variant, result.seed, { epochs: result.epochs, phases: result.phases }),
  );
  const bytes = Buffer.byteLength(page({ title: "made up", runs }, chartLibrary()));
  assert.ok(bytes < 3e6, `${bytes} bytes`);
});

test("the activation's shapes are those of @pea/core, so that mixing them is the ensemble", () => {
  const { x, f, df } = shapeData();
  for (const smooth of ["gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh"] as const)
    for (const [i, place] of x.entries()) {
      const mixed = (values: Record<string, number[]>) =>
        0.3 * (values.relu?.[i] as number) + 0.7 * (values[smooth]?.[i] as number);
      assert.ok(Math.abs(mixed(f) - weighted(place, 0.3, smooth)) < 1e-5);
      assert.ok(Math.abs(mixed(df) - weightedDerivative(place, 0.3, smooth)) < 1e-5);
    }
  assert.deepEqual(Object.keys(f), Object.keys(activations));
});
