import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeReport } from "../../src/report/report.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { resultsOf } from "../support/results.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const folder = temporaryFolder();
const study = join(folder, "study");
const [relu, smooth] = [join(folder, "runs", "relu"), join(folder, "runs", "pea")];
before(async () => {
  mkdirSync(study);
  const lines = [...resultsOf("ReLU", [90, 90.2]), ...resultsOf("SM75%", [91, 90.3])];
  writeFileSync(join(study, "results.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const recipe = { model: "mobilenet-0.02-small", dataDir, epochs: 2, batchSize: 32, lr: 0.05, threads: 1 };
  await train({ ...recipe, pea: "none" }, { runDirectory: relu });
  await train({ ...recipe, pea: "SM50%" }, { runDirectory: smooth });
});
after(() => {
  for (const path of [dataDir, folder]) rmSync(path, { recursive: true });
});

describe("pea report", () => {
  test("of a run lies in it, and names the command that trains it again", async () => {
    const { code, stdout } = await peaHere("report", smooth);
    assert.equal(code, 0);
    const file = join(smooth, "report.html");
    assert.match(
      stdout,
      new RegExp(`^${file}\\n\\nmobilenet-0\\.02-small on fashion-mnist: Test top-1: SM50%`),
    );
    const page = readFileSync(file, "utf8");
    assert.ok(
      page.includes(
        `npx pea-train train --model mobilenet-0.02-small --data fashion-mnist --data-dir ${dataDir} --pea SM50% --epochs 2 ` +
          "--batch-size 32 --lr 0.05 --threads 1",
      ),
    );
    assert.match(page, /Environment of one run/);
  });

  test("of several runs compares them, in the folder that holds them", async () => {
    const { file, runs, verdicts } = await writeReport([relu, smooth]);
    assert.equal(file, join(folder, "runs", "report.html"));
    assert.equal(runs, 2);
    assert.equal(verdicts[0]?.headline, "One seed: nothing can be concluded.");
  });

  test("goes with its run when that is overwritten", async () => {
    const path = join(folder, "again");
    const recipe = { model: "mobilenet-0.02-small", dataDir, epochs: 1, batchSize: 128, threads: 1 };
    await train(recipe, { runDirectory: path });
    await writeReport([path]);
    await train(recipe, { runDirectory: path, overwrite: true });
    assert.ok(!existsSync(join(path, "report.html")));
  });

  test("--json prints the page's place and the verdict", async () => {
    const file = join(folder, "page.html");
    const { code, stdout } = await peaHere("report", study, "-o", file, "--json");
    assert.equal(code, 0);
    const document = JSON.parse(stdout);
    assert.equal(document.file, file);
    assert.equal(document.runs, 4);
    assert.equal(document.verdicts[0].comparisons[0].conclusion, "undecided");
    assert.match(
      document.verdicts[0].headline,
      /^SM75% against ReLU: nothing can be concluded \(two seeds\)\.$/,
    );
    assert.ok(readFileSync(file, "utf8").includes(document.verdicts[0].headline));
  });

  test("names the study's file that lies beside the results, and tells how much of it is there", async () => {
    writeFileSync(
      join(study, "study.yaml"),
      "networks: [mobilenet-0.25-small]\nvariants: [ReLU, SM75%]\nseeds: [0, 1, 2]\n",
    );
    const { file } = await writeReport([join(study, "results.jsonl")]);
    assert.equal(file, join(study, "report.html"));
    const page = readFileSync(file, "utf8");
    assert.ok(page.includes(`npx pea-train study -c ${join(study, "study.yaml")}`));
    assert.ok(page.includes("the study is not finished"));
  });

  for (const [what, paths, message] of [
    ["nothing", [join(folder, "missing")], /missing does not exist; expected is the folder of a run/],
    ["a folder of neither", [dataDir], /is neither a run nor a study; expected is the folder of a run/],
    [
      "a folder of runs",
      [join(folder, "runs")],
      /is a folder of runs; name those to report on, e\.g\. .*runs\/\w+/,
    ],
    ["a study beside a run", [study, relu], /is a study, which has a report of its own/],
    ["a run given twice", [relu, relu], /is given twice/],
    ["no run", [], /at least one run/],
  ] as const)
    test(`refuses ${what}, as the user's mistake`, () =>
      assert.rejects(() => writeReport(paths), { name: "PeaError", kind: "usage", message }));

  test("refuses a place where no page can be, and leaves nothing half written", async () => {
    const inMissing = join(folder, "missing", "report.html");
    const folderGiven = await peaHere("report", study, "-o", folder);
    const missing = await peaHere("report", study, "-o", inMissing);
    assert.equal(folderGiven.code, 2);
    assert.match(folderGiven.stderr, /is a folder; name the page/);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /there is no folder .*missing/);
  });
});

test("runs that only other settings tell apart keep them in their names", async () => {
  const path = join(folder, "other");
  await train(
    { model: "mobilenet-0.02-small", dataDir, epochs: 2, batchSize: 32, lr: 0.1, threads: 1, pea: "SM50%" },
    { runDirectory: path },
  );
  const { file } = await writeReport([smooth, path], join(folder, "two.html"));
  const page = readFileSync(file, "utf8");
  assert.ok(page.includes("SM50% (lr 0.05)") && page.includes("SM50% (lr 0.1)"));
});
