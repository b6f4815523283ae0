import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { PeaError } from "@pea/core";
import { call, narrow, scope, type Tensor } from "@pea/torch";
import { loadFashionMnist } from "../../../src/data/formats/fashion-mnist.ts";
import { fashionMnistPackage } from "../../../src/data/formats/fashion-mnist-package.ts";
import { pixelStatistics } from "../../../src/images/pixel-statistics.ts";
import { idxBytes } from "../sources/idx-file.ts";

const isInstalled = existsSync(fashionMnistPackage.path);

describe("Fashion-MNIST of Debian (facts of spec recipes 6.1)", { skip: !isInstalled }, () => {
  const { train, test } = isInstalled ? loadFashionMnist() : ({} as never);
  const list = (labels: Tensor) => labels.toNestedArray() as number[];
  const first = (labels: Tensor, count: number) => list(labels).slice(0, count);
  const imageSum = (images: Tensor, index: number) =>
    scope(() => call("aten::sum", call("aten::select.int", images, 0, index)).item());
  const near = (actual: readonly number[], expected: number) =>
    assert.ok(Math.abs((actual[0] as number) - expected) < 1e-10, `${actual} is not ${expected}`);

  it("has 60,000 and 10,000 grey images of 28×28 as bytes", () => {
    assert.deepEqual([train.images.shape, train.images.dtype], [[60_000, 1, 28, 28], "uint8"]);
    assert.deepEqual([test.images.shape, test.images.dtype], [[10_000, 1, 28, 28], "uint8"]);
    assert.deepEqual([train.labels.shape, train.labels.dtype], [[60_000], "int64"]);
  });
  it("has the labels in their order", () => {
    assert.deepEqual(first(train.labels, 10), [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
    assert.deepEqual(list(train.labels).slice(-5), [5, 1, 3, 0, 5]);
    assert.deepEqual(first(test.labels, 10), [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
  });
  it("has every class equally often", () => {
    const counts = (labels: Tensor) => scope(() => call("aten::bincount", labels).toNestedArray());
    assert.deepEqual(counts(train.labels), new Array(10).fill(6000));
    assert.deepEqual(counts(test.labels), new Array(10).fill(1000));
  });
  it("has the pixels in their order", () => {
    assert.equal(imageSum(train.images, 0), 76_247);
    assert.equal(imageSum(test.images, 0), 33_456);
    assert.equal(
      scope(() => call("aten::sum", train.images).item()),
      3_431_114_169,
    );
  });
  it("names the classes", () => {
    for (const { classes } of [train, test]) {
      assert.deepEqual([classes[0], classes[9]], ["T-shirt/top", "Ankle boot"]);
      assert.equal(classes.length, 10);
    }
  });
  it("has the mean and standard deviation of the training part, and of its first samples", () => {
    const { mean, std } = pixelStatistics(train.images);
    near(mean, 0.286040597);
    near(std, 0.3530242445);
    const part = scope(() => pixelStatistics(narrow(train.images, 0, 0, 55_000)));
    near(part.mean, 0.2858173056);
    near(part.std, 0.3529372063);
  });
});

describe("a folder of four IDX files", () => {
  const dir = mkdtempSync(join(tmpdir(), "fashion-mnist-"));
  after(() => rmSync(dir, { recursive: true }));
  const write = (name: string, bytes: Uint8Array) => writeFileSync(join(dir, name), bytes);
  const images = (count: number) => idxBytes([count, 28, 28], new Uint8Array(count * 784).fill(7));
  const labels = (...values: number[]) => idxBytes([values.length], Uint8Array.from(values));
  beforeEach(() => {
    rmSync(join(dir, "t10k-labels-idx1-ubyte"), { force: true });
    write("train-images-idx3-ubyte", images(3));
    write("train-labels-idx1-ubyte", labels(9, 0, 4));
    write("t10k-images-idx3-ubyte.gz", gzipSync(images(2)));
    write("t10k-labels-idx1-ubyte", labels(1, 2));
  });
  const refuses = (file: string, message: RegExp) =>
    assert.throws(
      () => loadFashionMnist({ dir }),
      (error: Error) =>
        error instanceof PeaError && error.message.includes(join(dir, file)) && message.test(error.message),
    );

  it("is read, plain and compressed", () => {
    const { train, test } = loadFashionMnist({ dir });
    assert.deepEqual(train.labels.toNestedArray(), [9, 0, 4]);
    assert.deepEqual(test.images.shape, [2, 1, 28, 28]);
    assert.equal(call("aten::amin", test.images).item(), 7);
  });
  it("has its classes named by their numbers: what they mean is known of Fashion-MNIST alone", () => {
    const { train, test } = loadFashionMnist({ dir });
    const numbers = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    assert.deepEqual([train.classes, test.classes], [numbers, numbers]);
  });
  it("is refused when images and labels differ in number", () => {
    write("train-labels-idx1-ubyte", labels(9, 0));
    refuses("train-images-idx3-ubyte", /holds 3 images but .*train-labels-idx1-ubyte 2 labels/);
  });
  it("is refused for a label beyond 9", () => {
    write("t10k-labels-idx1-ubyte", labels(1, 10));
    refuses("t10k-labels-idx1-ubyte", /has the label 10 at index 1; labels run from 0 to 9/);
  });
  it("is refused for images of another size", () => {
    write("train-images-idx3-ubyte", idxBytes([3, 32, 32], new Uint8Array(3 * 1024)));
    refuses("train-images-idx3-ubyte", /images of 32×32 pixels instead of 28×28/);
  });
  it("is refused without an image", () => {
    write("train-images-idx3-ubyte", images(0));
    write("train-labels-idx1-ubyte", labels());
    refuses("train-images-idx3-ubyte", /holds no image/);
  });
  it("is refused when a file is damaged", () => {
    write("t10k-images-idx3-ubyte.gz", gzipSync(images(2)).subarray(0, 20));
    refuses("t10k-images-idx3-ubyte.gz", /cannot be unpacked/);
  });
  it("is refused as the user's mistake when a file is missing, with both ways out", () => {
    rmSync(join(dir, "t10k-labels-idx1-ubyte"));
    assert.throws(() => loadFashionMnist({ dir }), {
      name: "PeaError",
      kind: "usage",
      message:
        /not in .*neither t10k-labels-idx1-ubyte\.gz nor .*apt-get install dataset-fashion-mnist.*--data-dir/,
    });
  });
  it("is refused as the user's mistake when it is missing", () => {
    assert.throws(() => loadFashionMnist({ dir: join(dir, "none") }), { name: "PeaError", kind: "usage" });
  });
});
