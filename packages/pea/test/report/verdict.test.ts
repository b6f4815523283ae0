import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ReportRun } from "../../src/report/run.ts";
import { verdictsOn } from "../../src/report/verdict.ts";
import { reportRun, reportRuns } from "../support/report-runs.ts";

const verdictOn = (...runs: ReportRun[][]) => {
  const [verdict] = verdictsOn(runs.flat());
  assert.ok(verdict);
  return verdict;
};

const relu = reportRuns("ReLU", [90, 90.2, 90.1, 90.3, 90.2]);
const better = reportRuns("SM75%", [91, 91.1, 91.2, 91.2, 91.3]);
const level = reportRuns("WG75%", [90.1, 90, 90.3, 90.2, 90.2]);
const worse = reportRuns("WM90%", [89, 89.1, 89.2, 89.3, 89.1]);
const limit = reportRuns("mish", [92, 92.3, 92.1, 92.3, 92.2]);

describe("the verdict on a variant", () => {
  test("is the difference with its interval, where the seeds carry it", () => {
    // d = 1, 0.9, 1.1, 0.9, 1.1: mean 1, s = 0.1, t(0.975, 4)·s/√5 = 2.776445 · 0.0447214 = 0.1241664
    const { headline } = verdictOn(relu, better);
    assert.equal(headline, "SM75% ends above ReLU by 1.00 points, 95 % interval +0.88 to +1.12.");
  });

  test("is that no difference is shown, where they do not", () => {
    const { headline } = verdictOn(relu, level);
    assert.match(
      headline,
      /^The seeds show no difference between WG75% and ReLU: \+0\.00 points, 95 % interval −/,
    );
  });

  test("is that nothing can be concluded from one seed", () => {
    const { headline, details } = verdictOn([reportRun("ReLU", 0)], [reportRun("SM75%", 0)]);
    assert.equal(headline, "One seed: nothing can be concluded.");
    assert.match(details[0] as string, /^SM75% ends level with ReLU/);
  });

  test("says which model is scored: the best where every run has one", () => {
    const scored = (best: number | null) =>
      verdictOn(
        [reportRun("ReLU", 0, { test: { best, last: 80, images: null } })],
        [reportRun("SM75%", 0, { test: { best: 95, last: 81, images: null } })],
      ).details;
    assert.match(scored(90)[0] as string, /5\.00 points above/);
    assert.match(scored(90)[1] as string, /best model of its last phase/);
    // Nothing tells which epochs ReLU's was chosen from.
    assert.match(scored(90).at(-1) as string, /chosen from different epochs/);
    assert.match(scored(null)[0] as string, /1\.00 points above/);
    assert.match(scored(null).at(-1) as string, /last model/);
  });

  test("warns where the runs differ in more than the method", () => {
    const longer = reportRun("SM75%", 0, { settings: { pea: "SM75%", epochs: 9, seed: 0 } });
    const { details } = verdictOn([reportRun("ReLU", 0)], [longer]);
    assert.match(details.at(-1) as string, /in epochs\. The difference is not the method's alone/);
  });

  test("does not warn of what goes with the seed", () => {
    const begun = (variant: string, seed: number, from = seed) =>
      reportRun(variant, seed, { settings: { pea: variant, initialCheckpoint: `smooth-${from}`, seed } });
    const ofSeed = ["ReLU", "SM75%"].map((variant) => [begun(variant, 0), begun(variant, 1)]);
    assert.doesNotMatch(verdictOn(...ofSeed).details.join("\n"), /differ in more/);
    const crossed = verdictOn(
      [begun("ReLU", 0), begun("ReLU", 1)],
      [begun("SM75%", 0, 1), begun("SM75%", 1, 0)],
    );
    assert.match(crossed.details.at(-1) as string, /in initialCheckpoint\./);
  });
});

describe("the verdict on many variants", () => {
  test("counts what the seeds carry, and names the highest with its interval", () => {
    const { headline, details } = verdictOn(relu, better, level, worse, limit);
    assert.equal(
      headline,
      "The seeds show 1 of 3 PEA variants above ReLU, 1 below; the highest of them, SM75%, is at +1.00 points (95 % interval +0.88 to +1.12, for this comparison alone).",
    );
    assert.deepEqual(details.slice(0, 3), [
      "Above ReLU: SM75% (+1.00).",
      "For 1 of them the seeds do not carry the difference: WG75% (+0.00).",
      "Below ReLU: WM90% (−1.02).",
    ]);
    assert.match(details[3] as string, /corrected for 4 variants[\s\S]*its lead is flattered/);
  });

  test("tells how much of the upper limit's lead is reached", () => {
    // Means 91.16 and 92.18 against 90.16.
    const { headline, details } = verdictOn(relu, better, limit);
    assert.match(headline, /^SM75% ends above ReLU by 1\.00 points/);
    assert.ok(
      details.includes(
        "Upper limit, mish from start to end: 92.18 ± 0.13 %, +2.02 points against ReLU; the mean of SM75% lies " +
          "50 % of that above ReLU and runs with ReLU alone.",
      ),
    );
  });

  test("concludes nothing before the study is finished", () => {
    const plan = {
      name: "trial",
      against: null,
      beside: { names: [], variants: [] },
      runsPerNetwork: 20,
      targets: [],
    };

    const [verdict] = verdictsOn([relu, better, level].flat(), plan);
    assert.match(verdict?.headline as string, /^Not finished: 15 of 20 runs\./);
    assert.ok(verdict?.comparisons.every(({ conclusion }) => conclusion === "undecided"));
  });

  test("concludes nothing from one seed", () => {
    const one = [relu, better, worse].map(([run]) => [run as ReportRun]);
    assert.equal(verdictOn(...one).headline, "One seed: nothing can be concluded.");
  });

  test("is one for each network and data set", () => {
    const other = reportRuns("ReLU", [50, 51], { network: "erfnet", dataset: "cityscapes", metric: "miou" });
    const verdicts = verdictsOn([...relu, ...better, ...other]);
    assert.deepEqual(
      verdicts.map(({ network, dataset, comparisons }) => [network, dataset, comparisons.length]),
      [
        ["mobilenet-0.25-small", "fashion-mnist", 1],
        ["erfnet", "cityscapes", 0],
      ],
    );
    assert.match(verdicts[1]?.headline as string, /^Test mIoU: ReLU \(2 seeds\) 50\.50 ± 0\.71 %\.$/);
  });
});
