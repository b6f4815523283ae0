import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tensor } from "@pea/torch";
import { moveBatch } from "../../../src/images/transforms/move-batch.ts";
import { standardize, standardizeChannel } from "../../../src/images/transforms/standardize.ts";

const [batch, channels, height, width] = [50, 3, 4, 5];
const source = Uint8Array.from({ length: batch * channels * height * width }, (_, i) => (i * 37) % 256);
const images = tensor(source, { shape: [batch, channels, height, width] });
const keys = { seed: 11, epoch: 2, indices: Int32Array.from({ length: batch }, (_, i) => i) };

describe("standardization", () => {
  const statistics = { mean: [0.5, 0.25, 0], std: [0.25, 0.5, 1] };
  const result = standardize(images, statistics);

  it("is (x / 255 − mean) / std per channel", () => {
    const values = result.toTypedArray() as Float32Array;
    for (const [i, value] of values.entries()) {
      const channel = Math.floor(i / (height * width)) % channels;
      const expected =
        ((source[i] as number) / 255 - (statistics.mean[channel] as number)) /
        (statistics.std[channel] as number);
      assert.ok(Math.abs(value - expected) < 1e-6, `${value} is not ${expected}`);
    }
  });

  it("of one channel without an engine gives the same bits", () => {
    const values = Uint8Array.from({ length: 256 }, (_, value) => value);
    for (const [mean, std] of [
      [0.485, 0.229],
      [0.1307, 0.3081],
    ] as const) {
      const pixels = Float32Array.from(values);
      standardizeChannel(pixels, { mean, std });
      const grey = tensor(values, { shape: [1, 1, 16, 16] });
      assert.deepEqual(pixels, standardize(grey, { mean: [mean], std: [std] }).toTypedArray());
    }
  });

  it("gives float32 in channels_last, also for one channel", () => {
    assert.equal(result.dtype, "float32");
    assert.deepEqual(result.strides, [60, 1, 15, 3]);
    const grey = tensor(new Uint8Array(2 * 6), { shape: [2, 1, 2, 3] });
    assert.deepEqual(standardize(grey, { mean: [0], std: [1] }).strides, [6, 1, 3, 1]);
  });

  it("follows augmentation", () => {
    const grey = moveBatch(images, { flip: true, padding: 1 }, keys);
    assert.ok(standardize(grey, statistics).isContiguous("channels_last"));
  });
});
