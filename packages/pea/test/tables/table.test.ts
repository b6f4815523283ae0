import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeaError } from "@pea/core";
import type { Result } from "../../src/compare/results.ts";
import type { TableNumber } from "../../src/compare/table-figures.ts";
import type { Table } from "../../src/tables/layout.ts";
import { paperTable } from "../../src/tables/table.ts";
import { resultsOf } from "../support/results.ts";

function only(number: TableNumber, results: readonly Result[] | null = null): Table {
  const tables = paperTable(number, results);
  assert.equal(tables.length, 1);
  return tables[0] as Table;
}

const headings = ({ columns }: Table) =>
  columns.map(({ group, title }) => (group ? `${group} ${title}` : title));

/** Stubs and means of each row. */
const means = ({ rows }: Table) =>
  rows.map(({ stubs, cells }) => [
    ...stubs,
    ...cells.map((figure) => figure && Number(figure.mean.toFixed(2))),
  ]);

const variants = ({ rows }: Table) => rows.map(({ cells }) => cells.map((figure) => figure?.variant ?? null));

const relu = [90, 90.3, 90.2, 90.1, 90.4];
const more = (points: number) => relu.map((score, i) => score + points + (i % 2 ? 0.05 : -0.05));
const study = [
  ...resultsOf("ReLU", relu),
  ...resultsOf("SM75%", more(1)),
  ...resultsOf("SM96%", more(0)),
  ...resultsOf("SG75%", more(0.5)),
  ...resultsOf("WG75%", more(0.4)),
  ...resultsOf("WE75%", more(-1)),
  ...resultsOf("mish", more(1.5)),
  ...resultsOf("gelu", more(1.2)),
  ...resultsOf("SM75%, cosine", more(2)),
];

describe("the paper's tables alone", () => {
  const transitions = ["GELU", "Swish", "Mish"].flatMap((name) => [`PEA-${name} 115`, `PEA-${name} 90`]);

  test("2, the stochastic ensemble", () => {
    const table = only(2);
    assert.deepEqual(table.stubs, ["Network"]);
    assert.deepEqual(headings(table), ["Baseline", ...transitions]);
    assert.deepEqual(means(table), [
      ["AlexNet-BN", 60.74, 61.19, 61.29, 61.21, 61.02, 61.14, 61.15],
      ["ResNet-18", 70.31, 70.51, 70.48, 70.4, 70.49, 70.41, 70.38],
      ["ERFNet", 66.35, 66.61, 66.7, 66.65, 66.7, 66.62, 66.6],
      ["MobileNet-0.25", 51.17, 51.62, 51.71, 51.46, 51.55, 51.73, 51.77],
    ]);
    assert.deepEqual(table.notes, ["Paper: each figure is the mean of 5 runs; their spread is not given."]);
  });

  test("3, the weighted ensemble, without MobileNet, of which a note tells", () => {
    const table = only(3);
    assert.deepEqual(headings(table), ["Baseline", ...transitions]);
    assert.deepEqual(means(table)[1], ["ResNet-18", 70.31, 70.45, 70.51, 70.25, 70.38, 70.17, 70.35]);
    assert.equal(table.rows.length, 3);
    assert.match(table.notes[1] as string, /MobileNet-0\.25.*51\.29/);
  });

  test("4, the best beside the upper limit", () => {
    const table = only(4);
    assert.deepEqual(means(table)[0], ["AlexNet-BN", 60.74, 61.57, 62.35]);
    assert.deepEqual(variants(table), [
      ["ReLU", "WG90", "gelu"],
      ["ReLU", "WG90", "swish"],
      ["ReLU", "SG90", "mish"],
      ["ReLU", "SM90", "swish"],
    ]);
  });

  test("5, ResNet-50's gains", () => {
    const table = only(5);
    assert.deepEqual(headings(table), transitions);
    assert.deepEqual(means(table), [
      ["Weighted", 0.08, 0.18, 0.13, 0.21, -0.05, 0.12],
      ["Stochastic", 0.15, 0.21, 0.23, 0.22, 0.13, 0.2],
    ]);
  });

  test("6, segmentation", () => {
    const table = only(6);
    assert.deepEqual(means(table), [
      ["ReLU baseline", 58.26],
      ["ReLU with PEA", 58.6],
      ["Upper limit", 58.84],
    ]);
    assert.deepEqual(variants(table), [["ReLU"], ["WM450"], ["mish"]]);
  });
});

describe("with a study on another data set", () => {
  test("its own networks and transition ends stand in the paper's layout, best and last", () => {
    const table = only(2, study);
    assert.match(table.caption, /on Fashion-MNIST with the stochastic variant/);
    assert.deepEqual(table.stubs, ["Network", "Source"]);
    assert.deepEqual(headings(table), ["Baseline", "PEA-GELU 75%", "PEA-Mish 96%", "PEA-Mish 75%"]);
    assert.deepEqual(means(table), [
      ["mobilenet-0.25-small", "here, best", 90.2, 90.69, 90.19, 91.19],
      ["mobilenet-0.25-small", "here, last", 90.1, 90.59, 90.09, 91.09],
    ]);
    assert.deepEqual(headings(only(3, study)), ["Baseline", "PEA-GELU 75%", "PEA-ELU 75%"]);
  });

  test("the best is the highest mean among variant codes, the upper limit among activations", () => {
    assert.deepEqual(variants(only(4, study))[0], ["ReLU", "SM75%", "mish"]);
  });

  test("each figure carries its comparison, corrected for all variants of the network", () => {
    const { rows } = only(2, study);
    const conclusions = rows[0]?.cells.map((figure) => figure?.comparison?.conclusion ?? null);
    assert.deepEqual(conclusions, [null, "above", "undecided", "above"]);
    const tests = rows[0]?.cells.map((figure) => figure?.comparison?.tests ?? null);
    assert.deepEqual(tests, [null, 8, 8, 8]);
    const below = only(3, study).rows[0]?.cells.at(-1);
    assert.equal(below?.comparison?.conclusion, "below");
  });

  test("notes say what the arrows mean and which difference the seeds show", () => {
    const { notes } = only(4, study);
    assert.match(notes.join("\n"), /A difference without an arrow is one that the data do not carry\./);
    assert.match(notes.join("\n"), /highest mean of those trained here, which flatters it/);
    assert.match(
      notes.at(-1) as string,
      /after the correction: mobilenet-0\.25-small, best: 0\.16 points with 5 seeds/,
    );
    assert.doesNotMatch(notes.join("\n"), /Paper/);
  });

  test("a note says where runs went on without images", () => {
    const [first, second, ...others] = study as [Result, Result, ...Result[]];
    const { notes } = only(4, [
      { ...first, skipped: { train: 2 } },
      { ...second, skipped: { train: 1, test: 3 } },
      ...others,
    ]);
    assert.equal(
      notes.at(-1),
      `Images that cannot be read were left out in 2 of ${study.length} runs, in one run at most: 2 training, 3 test.`,
    );
  });

  test("one seed concludes nothing", () => {
    const { notes, rows } = only(
      2,
      study.filter(({ seed }) => seed === 0),
    );
    assert.equal(notes.at(-1), "One seed: nothing can be concluded.");
    for (const figure of rows.flatMap(({ cells }) => cells)) {
      assert.equal(figure?.deviation, null);
      assert.equal(figure?.comparison?.conclusion ?? "undecided", "undecided");
    }
  });

  test("runs without a validation part have the last score alone", () => {
    const withoutBest = study.map((result) => ({ ...result, test: { ...result.test, best: null } }));
    assert.deepEqual(
      only(2, withoutBest).rows.map(({ stubs }) => stubs),
      [["mobilenet-0.25-small", "here, last"]],
    );
  });

  test("each data set has a table of its own", () => {
    const both = [...study, ...study.map((result) => ({ ...result, dataset: "cifar10" }))];
    assert.deepEqual(
      paperTable(2, both).map(({ dataset }) => dataset),
      ["fashion-mnist", "cifar10"],
    );
  });

  test("no runs for a table are a mistake that is named", () => {
    assert.throws(
      () => paperTable(5, study),
      (error) =>
        error instanceof PeaError &&
        error.kind === "usage" &&
        /^no run for Table 5, which takes ResNet-50.*hold mobilenet-0\.25-small on fashion-mnist$/.test(
          error.message,
        ),
    );
    assert.throws(() => paperTable(6, study), /no run for Table 6, which takes segmentation/);
    assert.throws(() => paperTable(2, resultsOf("WG90", [90])), /no run for Table 2/);
    const graded = study.map((result) => ({ ...result, metric: "within1" }));
    for (const number of [2, 3, 4, 6] as const)
      assert.throws(() => paperTable(number, graded), /no run for Table/);
  });
});

describe("with a study on the paper's data set", () => {
  const imagenet = (network: string) => ({ network, dataset: "imagenet" });

  test("its rows follow the paper's of the same network, others come last", () => {
    const table = only(2, [
      ...resultsOf("ReLU", [70.3], imagenet("resnet18")),
      ...resultsOf("SG90", [70.5], imagenet("resnet18")),
      ...resultsOf("SG75%", [70.6], imagenet("my-network")),
    ]);
    assert.deepEqual(
      table.rows.map(({ stubs }) => stubs.join(", ")),
      [
        "AlexNet-BN, paper",
        "ResNet-18, paper",
        "ResNet-18, here, best",
        "ResNet-18, here, last",
        "ERFNet, paper",
        "MobileNet-0.25, paper",
        "my-network, here, best",
        "my-network, here, last",
      ],
    );
    assert.deepEqual(headings(table).slice(0, 4), [
      "Baseline",
      "PEA-GELU 115",
      "PEA-GELU 90",
      "PEA-GELU 75%",
    ]);
    assert.deepEqual(means(table)[2]?.slice(2), [70.3, null, 70.5, null, null, null, null, null]);
  });

  test("gains are differences by seed", () => {
    const table = only(5, [
      ...resultsOf("ReLU", [76.7, 76.9], imagenet("resnet50")),
      ...resultsOf("SS90", [76.9, 77.2], imagenet("resnet50")),
    ]);
    assert.deepEqual(
      table.rows.map(({ stubs }) => stubs.join(", ")),
      ["Weighted, paper", "Stochastic, paper", "Stochastic, here, best", "Stochastic, here, last"],
    );
    const figure = table.rows[2]?.cells[3];
    assert.equal(figure?.mean.toFixed(2), "0.25");
    assert.equal(figure?.deviation?.toFixed(4), "0.0707");
    assert.equal(figure?.count, 2);
  });

  test("segmentation: its columns stand beside the paper's", () => {
    const cityscapes = { network: "erfnet-segmentation", dataset: "cityscapes", metric: "miou" } as const;
    const results = [
      ...resultsOf("ReLU", [58], cityscapes),
      ...resultsOf("WM450", [58.5], cityscapes),
      ...resultsOf("SM350", [58.2], cityscapes),
      ...resultsOf("mish", [58.9], cityscapes),
    ];
    const table = only(6, results);
    assert.deepEqual(headings(table), ["mIoU paper", "mIoU here, best", "mIoU here, last"]);
    assert.deepEqual(means(table), [
      ["ReLU baseline", 58.26, 58, 57.9],
      ["ReLU with PEA", 58.6, 58.5, 58.4],
      ["Upper limit", 58.84, 58.9, 58.8],
    ]);
    const elsewhere = only(
      6,
      results.map((result) => ({ ...result, dataset: "scenes" })),
    );
    assert.deepEqual(headings(elsewhere), ["mIoU here, best", "mIoU here, last"]);
  });
});
