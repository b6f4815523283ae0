import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { peaHere } from "../support/pea-main.ts";
import { resultsOf } from "../support/results.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "results.jsonl"),
  [...resultsOf("ReLU", [90, 90.2]), ...resultsOf("SM75%", [91, 90.3])]
    .map((result) => `${JSON.stringify(result)}\n`)
    .join(""),
);

describe("pea table", () => {
  test("prints the paper's table in Markdown", async () => {
    const { code, stdout } = await peaHere("table", "6");
    assert.equal(code, 0);
    assert.match(stdout, /^\*\*Table 6: mIoU in percent on Cityscapes.*\n\n\| Network \| mIoU paper \|\n/);
  });

  test("prints a study's results in the format asked for", async () => {
    const { stdout } = await peaHere("table", "2", folder, "--format", "csv");
    assert.match(stdout, /^Data set,Network,Source,Statistic,Baseline,PEA-Mish 75%\n/);
    assert.match(stdout, /,mean,90\.1,90\.65\n/);
  });

  test("--json prints figures with their comparison", async () => {
    const document = JSON.parse((await peaHere("table", "2", folder, "--json")).stdout);
    assert.equal(document.table, 2);
    const [, figure] = document.tables[0].rows[0].cells;
    assert.equal(figure.variant, "SM75%");
    assert.equal(figure.comparison.seeds.length, 2);
    assert.equal(figure.comparison.conclusion, "undecided");
  });

  test("a table that does not exist, or for which there are no runs, is the user's mistake", async () => {
    const unknown = await peaHere("table", "7");
    const empty = await peaHere("table", "5", folder);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /Allowed choices are 2, 3, 4, 5, 6/);
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /^pea: no run for Table 5, which takes ResNet-50/m);
  });
});
