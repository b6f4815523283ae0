import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Result } from "../../src/compare/results.ts";
import { writeComparisons } from "../../src/study/comparison-files.ts";
import type { StudyPlan } from "../../src/study/study-file.ts";
import { resultsOf } from "../support/results.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

function files(results: readonly Result[], plan: Partial<StudyPlan> = {}) {
  const folder = temporaryFolder();
  writeComparisons(
    folder,
    {
      name: "trial",
      against: null,
      beside: { names: [], variants: [] },
      runsPerNetwork: 0,
      targets: [],
      ...plan,
    },
    results,
  );
  const markdown = readFileSync(join(folder, "table.md"), "utf8");
  const [head = "", ...lines] = readFileSync(join(folder, "table.csv"), "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(head.split(",").map((title, i) => [title, cells[i] ?? ""]));
  });
  const row = (variant: string, { score = "best", reference = "ReLU" } = {}) =>
    rows.find(
      (cells) => cells.variant === variant && cells.score === score && cells.reference === reference,
    ) as Record<string, string>;
  const line = (start: string) => markdown.split("\n").find((text) => text.startsWith(`| ${start} |`));
  return { markdown, row, line };
}

// The data of the specification, recipes 7.4.
const first = [60.7, 60.81, 60.66, 60.79, 60.74];
const second = [61.49, 61.63, 61.55, 61.6, 61.58];

describe("the comparisons of a study", () => {
  const { markdown, row, line } = files([...resultsOf("ReLU", first), ...resultsOf("WG90", second)]);

  it("hold mean and deviation, and the difference with its interval, best and last side by side", () => {
    // s = √0.00285 and 0.83 ± 0.0472812 by the specification; the last models are 0.1 lower throughout.
    assert.equal(
      line("WG90 | 5"),
      "| WG90 | 5 | 61.57 ± 0.05 | +0.83 [+0.78, +0.88] | 61.47 ± 0.05 | +0.83 [+0.78, +0.88] | above ReLU |",
    );
  });

  it("hold the paired test and Welch's, the sign count and the smallest difference that can be detected", () => {
    const cells = row("WG90");
    const near = (name: string, value: number, digits: number) =>
      assert.equal(Number(cells[name]).toPrecision(digits), value.toPrecision(digits), name);
    near("pairedT", 48.739278, 8);
    near("pairedP", 1.0603e-6, 5);
    near("holmP", 1.0603e-6, 5);
    near("welchT", 22.673872, 8);
    near("welchDegrees", 7.82567, 7);
    near("welchP", 2.0257e-8, 5);
    near("differenceDeviation", 0.0380789, 6);
    near("lower95", 0.83 - 0.0472812, 5);
    near("upper95", 0.83 + 0.0472812, 5);
    assert.equal(cells.above, "5");
    // Recipes 7.3: 1.68 deviations with five pairs.
    near("smallestDetectable", 1.68 * 0.0380789, 2);
    assert.equal(cells.conclusion, "above");
    assert.match(line("WG90 | best") ?? "", /< 0.0001 \| < 0.0001 \| < 0.0001 \| 5 of 5/);
  });

  it("hold the baseline, which is compared with nothing", () => {
    assert.equal(line("ReLU | 5"), "| ReLU | 5 | 60.74 ± 0.06 | – | 60.64 ± 0.06 | – |  |");
    assert.equal(row("ReLU").difference, "");
  });

  it("name study, network, data and metric", () => {
    assert.match(
      markdown,
      /^# Study trial\n\n## mobilenet-0.25-small on fashion-mnist\n\nTest top-1 accuracy/,
    );
  });
});

describe("a difference that the data do not carry is told as such", () => {
  it("where the corrected p is not below 0.05", () => {
    // Differences 0.3, −0.1, 0.2, −0.1, 0.2: mean 0.1 below one deviation.
    const { markdown, line } = files([
      ...resultsOf("ReLU", [90, 90.1, 90.2, 90.3, 90.4]),
      ...resultsOf("SM75%", [90.3, 90, 90.4, 90.2, 90.6]),
    ]);
    assert.match(line("SM75% | 5") ?? "", /\| no difference shown \|$/);
    assert.match(markdown, /the data do not carry one/);
  });

  it("with one seed, from which nothing can be concluded", () => {
    const { markdown, line } = files([...resultsOf("ReLU", [90]), ...resultsOf("SM75%", [92])]);
    assert.equal(
      line("SM75% | 1"),
      "| SM75% | 1 | 92.00 | +2.00 | 91.90 | +2.00 | nothing can be concluded: one seed |",
    );
    assert.match(markdown, /No variant has two seeds in common with ReLU: nothing can be concluded\./);
  });

  it("where the difference is the same on every seed", () => {
    const { markdown, line } = files([...resultsOf("ReLU", [90, 91]), ...resultsOf("SM75%", [90.5, 91.5])]);
    assert.match(line("SM75% | 2") ?? "", /nothing can be concluded: no spread/);
    assert.match(markdown, /No variant has differences from ReLU that vary over seeds: nothing can be/);
  });

  it("with two seeds, whose spread may be small by chance", () => {
    const { line, row } = files([...resultsOf("ReLU", [90, 91]), ...resultsOf("SM75%", [92, 93.01])]);
    assert.ok(Number(row("SM75%").pairedP) < 0.05);
    assert.match(line("SM75% | 2") ?? "", /nothing can be concluded: two seeds/);
    assert.equal(row("SM75%").smallestDetectable, "");
  });

  it("where it would have been carried alone, and is not among many", () => {
    // Differences about 0.25 ± 0.17: p = 0.03 alone, twice that among two.
    const { line } = files([
      ...resultsOf("ReLU", first),
      ...resultsOf("SM75%", [61.05, 60.81, 61.1, 61.04, 60.96]),
      ...resultsOf("WG90", [60.7, 60.8, 60.6, 60.9, 60.8]),
    ]);
    assert.match(line("SM75% | 5") ?? "", /not shown once corrected for 2 tests/);
  });

  it("before all runs are there that were planned", () => {
    const runs = [...resultsOf("ReLU", first), ...resultsOf("WG90", second)];
    const { line, markdown, row } = files(runs, { runsPerNetwork: 15 });
    assert.match(line("WG90 | 5") ?? "", /nothing can be concluded: the study is not finished/);
    assert.match(markdown, /\*\*Not finished: 10 of 15 runs\.\*\*/);
    assert.equal(row("WG90").conclusion, "the study is not finished");
  });

  it("without a baseline", () => {
    const { line } = files(resultsOf("SM75%", [90, 91]));
    assert.match(line("SM75% | 2") ?? "", /nothing can be concluded: no partner of the same seed/);
  });
});

describe("a study that compares with another variant besides ReLU", () => {
  const { markdown, row } = files(
    [
      ...resultsOf("ReLU", first),
      ...resultsOf("SM75%", second),
      ...resultsOf(
        "WG90",
        second.map((x) => x + 0.5),
      ),
    ],
    { against: "SM75%" },
  );

  it("holds the differences from it, ReLU's too", () => {
    assert.match(
      markdown,
      /Against SM75%, with a correction of its own:[\s\S]*\| ReLU \| −0\.83 \[−0\.88, −0\.78\]/,
    );
    assert.equal(row("ReLU", { reference: "SM75%" }).conclusion, "below");
    assert.equal(row("WG90", { reference: "SM75%" }).difference, "0.5");
    assert.equal(row("WG90").difference, "1.33");
  });

  it("does not compare it with itself", () => {
    assert.equal(row("SM75%", { reference: "SM75%" }), undefined);
  });
});

describe("Holm's correction", () => {
  it("is for all variants of a network", () => {
    const weak = [60.9, 60.82, 60.9, 60.8, 60.97];
    const { row } = files([
      ...resultsOf("ReLU", first),
      ...resultsOf("WG90", second),
      ...resultsOf("SM75%", weak),
    ]);
    assert.equal(row("WG90").tests, "2");
    assert.equal((Number(row("WG90").holmP) / Number(row("WG90").pairedP)).toFixed(6), "2.000000");
    assert.equal(row("SM75%").holmP, row("SM75%").pairedP);
  });
});

describe("the comparisons of a study with targets", () => {
  const form = { target: "tflite" };
  const inIntegers = (results: readonly Result[], losses: readonly number[]): Result[] =>
    results.map((result, i) => {
      const loss = losses[i] as number;
      const score = result.test.last - loss;
      return { ...result, targets: { tflite: { form, score, loss, sameClass: 98 + loss, images: 1000 } } };
    });
  const smooth = resultsOf("Mish", second).map((result) => ({
    ...result,
    targets: { tflite: { form, score: null } },
  }));
  const targets = [{ name: "tflite", form }];
  const pairs = [
    ...inIntegers(resultsOf("ReLU", first), [0.1, 0.2, 0.3, 0.2, 0.2]),
    ...inIntegers(resultsOf("WG90", second), [0.3, 0.4, 0.5, 0.4, 0.4]),
  ];
  const { markdown, row } = files([...pairs, ...smooth], { targets });
  const section = markdown.slice(markdown.indexOf("### In integers: tflite"));

  it("hold what is left of the difference in integers, and what is lost: on average, and at most", () => {
    // 0.83 in floats, of which WG90 loses 0.2 more than ReLU on every seed: the interval is the one of floats.
    assert.match(
      section,
      /\| WG90 \| 5 \| 61\.07 ± 0\.0\d \| \+0\.63 \[\+0\.58, \+0\.68\] \| 0\.40 ± 0\.07 \| 0\.50 \| 98\.40 \| above ReLU \|/,
    );
    assert.match(
      section,
      /\| ReLU \| 5 \| 60\.44 ± 0\.\d\d \| – \| 0\.20 ± 0\.07 \| 0\.30 \| 98\.20 \| {2}\|/,
    );
    assert.equal(Number(row("WG90", { score: "tflite" }).difference).toFixed(4), "0.6300");
    assert.match(section, /exported and scored on 1000 test images/);
  });

  it("conclude nothing before all runs are exported in the form that the study has now", () => {
    const [relu, ...others] = pairs;
    const other = { ...form, perTensor: true };
    const changed = { ...(relu as Result), targets: { tflite: { form: other, score: 60, loss: 1 } } };
    for (const results of [
      [changed, ...others],
      [{ ...(relu as Result), targets: undefined }, ...others],
    ]) {
      const { markdown, row } = files(results, { targets });
      assert.match(markdown, /Not finished\. Runs still to be exported: 1\./);
      assert.equal(row("ReLU", { score: "tflite" }).runs, "4");
      assert.notEqual(row("WG90", { score: "tflite" }).conclusion, "above");
      assert.equal(row("WG90").conclusion, "above");
    }
  });

  it("leave out what has no form in integers", () => {
    assert.doesNotMatch(section, /Mish/);
    assert.equal(row("Mish", { score: "tflite" }), undefined);
  });
});

describe("what a study trains its variants beside", () => {
  // PEA is 0.8 above ReLU alone and 0.5 above it beside EMA, seed by seed within a few hundredths.
  const ema = first.map((score) => score + 0.5);
  const both = second.map((score, seed) => score + 0.2 + 0.01 * (seed % 2));
  const runs = [
    ...resultsOf("ReLU", first),
    ...resultsOf("WG90", second),
    ...resultsOf("ReLU, EMA", ema),
    ...resultsOf("WG90, EMA", both),
  ];
  const beside = { names: ["EMA"], variants: ["ReLU", "WG90"] };
  const { markdown, row } = files(runs, { beside });
  const section = markdown.slice(markdown.indexOf("### Does it add up?"));
  const same = { reference: "ReLU beside the same" };

  it("is in the table with the gain over ReLU beside the same, and its difference from the gain alone", () => {
    const [, , alone, together] = section.split("\n").filter((line) => line.startsWith("| "));
    assert.match(
      alone as string,
      /^\| WG90 \| nothing \| \+0\.83 \[\+0\.78, \+0\.88\] \| – \| above ReLU beside the same \|/,
    );
    assert.match(
      together as string,
      /^\| WG90 \| EMA \| \+0\.53 \[.*\] \| −0\.30 \[−0\.30, −0\.29\] \| above ReLU beside the same, below the gain alone \|/,
    );
  });

  it("is in the figures, gains and interactions corrected for as many as there are", () => {
    const alone = row("WG90", same);
    assert.equal(alone.tests, "2");
    assert.ok(Number(alone.holmP) > 0 && Number(alone.holmP) < 1e-4);
  });

  it("concludes nothing before all runs are there", () => {
    const { markdown } = files(runs, { beside, runsPerNetwork: 40 });
    const rows = markdown.slice(markdown.indexOf("### Does it add up?")).split("\n");
    assert.equal(
      rows.filter((line) => /nothing can be concluded: the study is not finished/.test(line)).length,
      2,
    );
  });

  it("is left out where a study asks no such thing", () => {
    assert.doesNotMatch(files(runs).markdown, /Does it add up/);
  });
});
