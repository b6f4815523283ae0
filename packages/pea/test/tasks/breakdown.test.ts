import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { memoryStats, type Tensor, tensor } from "@pea/torch";
import { loadReportRun } from "../../src/report/load-run.ts";
import { page } from "../../src/report/page.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { openRunDirectory } from "../../src/run/run-directory.ts";
import {
  type ClassificationBreakdown,
  type SegmentationBreakdown,
  shortened,
} from "../../src/tasks/breakdown.ts";
import { breakdownTables } from "../../src/tasks/breakdown-tables.ts";
import { classification } from "../../src/tasks/classification/classification.ts";
import { segmentation } from "../../src/tasks/segmentation/segmentation.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { reportRun } from "../support/report-runs.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const int64 = (values: readonly number[], shape = [values.length]): Tensor =>
  tensor(BigInt64Array.from(values, BigInt), { shape });
const close = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs(Number(actual) - expected) < 1e-6, `${actual} is not ${expected}`);

describe("the answers of a network that names one class an image", () => {
  // Logits that are logarithms of probabilities.
  const logits = (...rows: number[][]): Tensor =>
    tensor(Float32Array.from(rows.flat(), Math.log), { shape: [rows.length, 3] });
  const answers = classification(["cat", "dog", "owl"]).startAnswers();
  answers.add(logits([0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]), int64([0, 0, 1]), [4, 5, 6]);
  answers.add(logits([0.05, 0.9, 0.05], [0.5, 0.3, 0.2]), int64([0, 1]), [7, 9]);
  const found = answers.breakDown((index) => `image ${index}`) as ClassificationBreakdown;

  it("are counted class by class, a class without images among them", () => {
    assert.deepEqual(found.classes, [
      { name: "cat", images: 3, correct: 1, accuracy: 100 / 3 },
      { name: "dog", images: 2, correct: 0, accuracy: 0 },
      { name: "owl", images: 0, correct: 0, accuracy: null },
    ]);
  });
  it("tell which class is taken for which, as a share of its images", () => {
    assert.deepEqual(found.confused, [
      { label: "cat", answer: "dog", images: 2, share: 200 / 3 },
      { label: "dog", answer: "cat", images: 2, share: 100 },
    ]);
  });
  it("name the images by the loss of their own class, the highest first", () => {
    assert.deepEqual(
      found.worst.map(({ image, label, answer }) => [image, label, answer]),
      [
        ["image 7", "cat", "dog"],
        ["image 5", "cat", "dog"],
        ["image 6", "dog", "cat"],
        ["image 9", "dog", "cat"],
        ["image 4", "cat", "cat"],
      ],
    );
    for (const [i, [probability, ownProbability]] of (
      [
        [0.9, 0.05],
        [0.8, 0.1],
        [0.6, 0.3],
        [0.5, 0.3],
        [0.7, 0.7],
      ] as const
    ).entries()) {
      close(found.worst[i]?.probability, probability);
      close(found.worst[i]?.loss, -Math.log(ownProbability));
    }
  });
  it("put what is no number first among the worst images", () => {
    const broken = classification(["a", "b"]).startAnswers();
    broken.add(tensor([1, 0, Number.NaN, Number.NaN, 0, 9], { shape: [3, 2] }), int64([0, 0, 0]), [0, 1, 2]);
    assert.deepEqual(
      broken.breakDown(String).worst.map(({ image }) => image),
      ["1", "2", "0"],
    );
    broken.dispose();
  });
  it("name twenty of the worst images, and hold nothing once disposed of", () => {
    const { tensors } = memoryStats();
    const many = classification(["a", "b"]).startAnswers();
    for (let batch = 0; batch < 5; batch++) {
      using given = tensor(new Float32Array(20), { shape: [10, 2] });
      using labels = int64(Array(10).fill(1));
      many.add(
        given,
        labels,
        Array.from({ length: 10 }, (_, i) => 10 * batch + i),
      );
    }
    assert.deepEqual(
      many.breakDown(String).worst.map(({ image }) => Number(image)),
      Array.from({ length: 20 }, (_, i) => i),
    );
    many.dispose();
    assert.equal(memoryStats().tensors, tensors);
  });
});

describe("the answers of a network that names a class for each pixel", () => {
  // Two images of 1×4 pixels and two classes; 255 does not count.
  const labels = int64([0, 0, 1, 255, 1, 1, 1, 1], [2, 1, 4]);
  const taken = [
    [0, 1, 1, 0],
    [1, 1, 0, 1],
  ];
  // [2, 2, 1, 4]: the logits of class 0, then those of class 1.
  const logits = tensor(
    Float32Array.from(taken.flatMap((image) => [0, 1].flatMap((c) => image.map((one) => Number(one === c))))),
    { shape: [2, 2, 1, 4] },
  );
  const answers = segmentation(["road", "sky"]).startAnswers();
  answers.add(logits, labels, [3, 8]);
  const found = answers.breakDown((index) => `image ${index}`) as SegmentationBreakdown;

  it("are counted class by class in pixels that count", () => {
    // road: 2 pixels, 1 right, 1 of sky taken for it; sky: 5 pixels, 4 right, 1 of road taken for it.
    assert.deepEqual(
      found.classes.map(({ name, pixels, correct }) => [name, pixels, correct]),
      [
        ["road", 2, 1],
        ["sky", 5, 4],
      ],
    );
    close(found.classes[0]?.iou ?? undefined, 100 / 3);
    close(found.classes[1]?.iou ?? undefined, 400 / 6);
    assert.deepEqual(found.confused, [
      { label: "road", answer: "sky", pixels: 1, share: 50 },
      { label: "sky", answer: "road", pixels: 1, share: 20 },
    ]);
  });
  it("name the images by their own mIoU, the lowest first", () => {
    // The second image: road 0 of 1, sky 3 of 4; the first: road 1 of 2, sky 1 of 2.
    assert.deepEqual(found.worst, [
      { image: "image 8", miou: 37.5 },
      { image: "image 3", miou: 50 },
    ]);
  });
  it("leave out an image without a pixel that counts", () => {
    const blank = segmentation(["road", "sky"]).startAnswers();
    blank.add(logits, int64(Array(8).fill(255), [2, 1, 4]), [0, 1]);
    assert.deepEqual(blank.breakDown(String).worst, []);
  });
});

describe("a breakdown's tables", () => {
  const many = (count: number): ClassificationBreakdown => ({
    task: "classification",
    classes: Array.from({ length: count }, (_, i) => {
      const accuracy = i === 0 ? null : 100 - i;
      return { name: `c${i}`, images: i === 0 ? 0 : 100, correct: 100 - i, accuracy };
    }),
    confused: Array.from({ length: 30 }, (_, i) => ({
      ...{ label: `c${i + 1}`, answer: "c0", images: 30 - i, share: 30 - i },
    })),
    worst: [],
  });
  it("show up to twenty classes, the lowest first and those without images last", () => {
    const [classes] = breakdownTables(many(20));
    assert.equal(classes?.title, "Classes");
    assert.deepEqual(classes?.rows[0], ["c19", "100", "81", "81.00"]);
    assert.deepEqual(classes?.rows.at(-1), ["c0", "0", "100", "–"]);
    assert.equal(classes?.rows.length, 20);
  });
  it("show of more the ten lowest, and ten pairs", () => {
    const [classes, pairs, ...others] = breakdownTables(many(21));
    assert.equal(classes?.title, "The 10 lowest of 21 classes");
    assert.deepEqual(
      classes?.rows.map(([name]) => name),
      Array.from({ length: 10 }, (_, i) => `c${20 - i}`),
    );
    assert.deepEqual(pairs?.rows[0], ["c1 → c0", "30", "30.00"]);
    assert.equal(pairs?.rows.length, 10);
    // Without worst images there is no such table.
    assert.deepEqual(others, []);
  });
  it("are kept with the twenty most frequent pairs", () => {
    assert.equal(shortened(many(30)).confused.length, 20);
  });
});

describe("a run that has ended", () => {
  const path = join(temporaryFolder(), "run");
  let result: TrainResult;
  let breakdown: ClassificationBreakdown;
  before(async () => {
    result = await train(smallRecipe, { runDirectory: path });
    breakdown = result.breakdown as ClassificationBreakdown;
  });
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

  it("has the test scores of its best model broken down", () => {
    assert.ok(result.best);
    const { classes, confused, worst } = breakdown;
    assert.deepEqual(
      classes.map(({ images }) => images),
      Array(10).fill(6),
    );
    assert.equal((100 * sum(classes.map(({ correct }) => correct))) / 60, result.best.test.top1);
    assert.equal(sum(confused.map(({ images }) => images)), 60 - sum(classes.map(({ correct }) => correct)));
    assert.equal(worst.length, 20);
    for (const { image, label } of worst) {
      // Image i of these data shows the class i modulo 10.
      const index = Number(/^test image (\d+)$/.exec(image)?.[1]);
      assert.equal(classes[index % 10]?.name, label);
    }
  });

  it("is broken down by pea eval alike, for programs in full and for people in tables", async () => {
    const { stdout } = await peaHere("eval", path, "--json");
    assert.deepEqual(JSON.parse(stdout).breakdown, breakdown);
    const shown = (await peaHere("eval", path)).stdout;
    for (const title of ["Classes", "Most often taken for another class", "Images with the highest loss"])
      assert.match(shown, new RegExp(`^${title}$`, "m"));
    const [first] = breakdown.worst;
    assert.match(
      shown,
      new RegExp(`^${first?.image} +${first?.label} → ${first?.answer} .* ${first?.loss.toFixed(2)}$`, "m"),
    );
  });

  it("names images of the validation part as such", async () => {
    const { stdout } = await peaHere("eval", path, "--part", "validation", "--json");
    const { images, breakdown: ofValidation } = JSON.parse(stdout);
    assert.equal(sum(ofValidation.classes.map(({ images }: { images: number }) => images)), images);
    assert.match(ofValidation.worst[0].image, /^validation image \d+$/);
  });

  it("is shown in the report class by class, without its data", async () => {
    const run = await loadReportRun(path);
    const html = page({ title: "made up", runs: [run] }, { source: "", toSvg: () => "" });
    assert.match(html, /<details open><summary>Classes and test images of run<\/summary>/);
    const [first] = breakdown.worst;
    assert.ok(html.includes(`<th scope="row">${first?.image}</th>`));
    const { network, dataset } = run;
    const runs = [run, reportRun("ReLU", 1, { network, dataset })];
    const two = page({ title: "made up", runs }, { source: "", toSvg: () => "" });
    assert.match(two, /<details><summary>Classes and test images of run<\/summary>/);
  });

  it("is shown without that where an earlier version scored it", async () => {
    const { result: file } = openRunDirectory(path);
    const text = readFileSync(file, "utf8");
    const { breakdown: _, ...older } = JSON.parse(text);
    writeFileSync(file, JSON.stringify(older));
    const run = await loadReportRun(path);
    const html = page({ title: "made up", runs: [run] }, { source: "", toSvg: () => "" });
    writeFileSync(file, text);
    assert.doesNotMatch(html, /Classes and test images/);
  });
});
