import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { backward, Module, scope, type Tensor, tensor } from "@pea/torch";
import { evaluate } from "../../../src/tasks/evaluate.ts";
import { confusion } from "../../../src/tasks/segmentation/confusion.ts";
import { countPixels, intersectionOverUnion, meanIou } from "../../../src/tasks/segmentation/iou.ts";
import { pixelCrossEntropy, segmentation } from "../../../src/tasks/segmentation/segmentation.ts";

const close = (actual: number | null | undefined, expected: number, tolerance = 1e-6) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= tolerance, `${actual} is not ${expected}`);

/** Answers with its images. */
class Identity extends Module {
  override forward(images: Tensor): Tensor {
    return images;
  }
}

describe("intersection over union", () => {
  it("is the official evaluation's: no false positives from rows that are not evaluated", () => {
    // The oracle of spec recipes 3.4: three classes, and 15 pixels of an ignored label.
    const ious = intersectionOverUnion(
      [
        [8, 1, 0, 0],
        [2, 6, 1, 0],
        [0, 0, 0, 0],
        [5, 5, 5, 0],
      ].flat(),
      3,
    );
    assert.deepEqual(ious, [8 / 11, 6 / 10, 0]);
    close(meanIou(ious), 0.442424);
  });
  it("counts pixels taken for a label that is not evaluated as missed", () => {
    const ious = intersectionOverUnion(
      [
        [6, 0, 2],
        [1, 3, 0],
        [9, 9, 9],
      ].flat(),
      2,
    );
    assert.deepEqual(ious, [6 / 9, 3 / 4]);
  });
  it("is NaN for a class that neither label nor answer names, and the mean skips it", () => {
    const ious = intersectionOverUnion(
      [
        [4, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 3, 0, 0],
      ].flat(),
      3,
    );
    assert.deepEqual(ious, [1, Number.NaN, 1]);
    assert.equal(meanIou(ious), 1);
    assert.ok(Number.isNaN(meanIou([Number.NaN])));
  });
  it("comes with the share of right pixels, of those that count", () => {
    assert.deepEqual(
      countPixels(
        [
          [8, 1, 0, 1],
          [2, 6, 1, 0],
          [0, 0, 3, 0],
          [5, 5, 5, 5],
        ].flat(),
        3,
      ),
      {
        counted: 22,
        right: 17,
      },
    );
  });
});

describe("the confusion matrix of pixels", () => {
  it("has a row per label and a column per answer, 255 behind all classes", () => {
    const labels = tensor(BigInt64Array.from([0n, 0n, 1n, 255n, 2n, 255n]), { shape: [1, 2, 3] });
    const answers = tensor(BigInt64Array.from([0n, 1n, 1n, 2n, 2n, 0n]), { shape: [1, 2, 3] });
    const counts = Array.from(confusion(answers, labels, 3).toTypedArray() as BigInt64Array, Number);
    assert.deepEqual(counts, [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0]);
  });
});

/** Two images of 4×5 pixels and five classes, some pixels ignored. */
const labels = Array.from({ length: 40 }, (_, i) => (i % 7 === 3 ? 255 : (i * 3) % 5));
const logits = Array.from({ length: 200 }, (_, i) => Math.sin(i * 12.9898) * 3);
const asLabels = (values: readonly number[]): Tensor =>
  tensor(BigInt64Array.from(values, BigInt), { shape: [values.length / 20, 4, 5] });

describe("the pixel cross-entropy", () => {
  it("is PyTorch's mean over the pixels that are not ignored, and so is its gradient", () => {
    const script = fileURLToPath(new URL("../../oracle/pixel_loss.py", import.meta.url));
    const cases = [0, 0.1].map((smoothing) => ({ logits, labels, shape: [2, 5, 4, 5], smoothing }));
    const expected = JSON.parse(
      execFileSync("/usr/bin/python3", ["-B", script, JSON.stringify(cases)]).toString(),
    ) as { loss: number; gradient: number[] }[];
    for (const [i, { loss, gradient }] of expected.entries()) {
      const input = tensor(Float64Array.from(logits), { shape: [2, 5, 4, 5], requiresGrad: true });
      const made = pixelCrossEntropy(input, asLabels(labels), { labelSmoothing: cases[i]?.smoothing });
      close(made.item(), loss, 1e-12);
      backward(made);
      const values = input.grad?.toTypedArray() as Float64Array;
      for (const [place, value] of gradient.entries()) close(values[place], value, 1e-12);
    }
  });
  it("is 0 with gradients of 0 for a batch without any pixel that counts", () => {
    const input = tensor(Float64Array.from(logits), { shape: [2, 5, 4, 5], requiresGrad: true });
    const loss = pixelCrossEntropy(input, asLabels(labels.map(() => 255)));
    assert.equal(loss.item(), 0);
    backward(loss);
    assert.ok(input.grad?.toTypedArray().every((value: number | bigint) => Number(value) === 0));
  });
});

describe("the scores of segmentation", () => {
  const task = segmentation(["a", "b", "c", "d", "e"]);
  const sumsOf = (batches: readonly (readonly number[])[], start?: ReturnType<typeof read>) => {
    const sums = task.startSums({ device: "cpu", purpose: "evaluation", start });
    for (const some of batches) {
      const shape = [some.length / 20, 5, 4, 5];
      const answers = tensor(Float32Array.from(logits.slice(0, some.length * 5)), { shape });
      sums.add(task.loss(answers, asLabels(some)), answers, asLabels(some));
    }
    return sums;
  };
  const read = (batches: readonly (readonly number[])[]) => sumsOf(batches).read();

  it("are of all pixels together, however they were batched", () => {
    const [first, second] = [labels.slice(0, 20), labels.map((label, i) => (i < 30 ? 255 : label))];
    const sums = sumsOf([first, second]).read();
    assert.equal(sums.images, 3);
    const scores = task.scores(sums);
    const alone = [task.scores(read([first])), task.scores(read([second]))] as const;
    const counts = [first, second].map((some) => some.filter((label) => label !== 255).length);
    const [n = 0, m = 0] = counts;
    close(scores.loss, (alone[0].loss * n + alone[1].loss * m) / (n + m));
    close(
      scores.pixelAccuracy,
      ((alone[0].pixelAccuracy as number) * n + (alone[1].pixelAccuracy as number) * m) / (n + m),
    );
  });
  it("go on from sums that were read, and are told from one reading to the next", () => {
    const [first, second] = [labels.slice(0, 20), labels];
    const start = read([first]);
    const both = sumsOf([second], JSON.parse(JSON.stringify(start))).read();
    assert.deepEqual(both, sumsOf([first, second]).read());
    assert.deepEqual(task.scores(both, start).classIou, task.scores(read([second])).classIou);
  });
  it("are refused where no pixel counts", async () => {
    const batch = {
      images: tensor(Float32Array.from(logits), { shape: [2, 5, 4, 5] }),
      labels: asLabels(labels.map(() => 255)),
      indices: Int32Array.of(0, 1),
    };
    const loader = { stepsPerEpoch: 1, samplesPerEpoch: 2, skipped: new Map(), batches: () => [batch] };
    await assert.rejects(evaluate(new Identity(), loader, { task, device: "cpu" }), {
      name: "PeaError",
      message: /none of the 2 images has a label that counts/,
    });
  });
  it("name the classes, null for one that does not occur", () => {
    const scores = scope(() => {
      const sums = task.startSums({ device: "cpu", purpose: "evaluation" });
      const answers = tensor(Float32Array.of(9, 0, 0, 0, 0), { shape: [1, 5, 1, 1] });
      const label = tensor(BigInt64Array.of(0n), { shape: [1, 1, 1] });
      sums.add(task.loss(answers, label), answers, label);
      return task.scores(sums.read());
    });
    assert.deepEqual(scores.classIou, { a: 100, b: null, c: null, d: null, e: null });
    assert.equal(scores.miou, 100);
  });
});
