import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { indexSelect, type NestedArray, tensor } from "@pea/torch";
import type { Augmentation } from "../../../src/images/transforms/move.ts";
import { moveBatch } from "../../../src/images/transforms/move-batch.ts";

const [batch, channels, height, width] = [500, 3, 4, 5];
const source = Uint8Array.from({ length: batch * channels * height * width }, (_, i) => 1 + ((i * 37) % 255));
const images = tensor(source, { shape: [batch, channels, height, width] });
const indices = Int32Array.from({ length: batch }, (_, i) => i);
const keys = { seed: 11, epoch: 2, indices };

type Image = number[][][];

function augmented(options: Augmentation, of = keys): Image[] {
  return moveBatch(images, options, of).toNestedArray() as Image[];
}

/** The image mirrored or not, and moved down and right, black where nothing came from. */
function moved(image: Image, isMirrored: boolean, down: number, right: number): Image {
  return image.map((plane) =>
    plane.map((row, y) =>
      row.map((_, x) => {
        const from = (isMirrored ? row.length - 1 - x : x) - right;
        return plane[y - down]?.[from] ?? 0;
      }),
    ),
  );
}

const originals = images.toNestedArray() as Image[];

/** All changes (mirrored, down, right) within the padding that make `result` of image i. */
function changesOf(result: Image, i: number, padding: number): string[] {
  const found: string[] = [];
  const text = JSON.stringify(result);
  for (const isMirrored of [false, true])
    for (let down = -padding; down <= padding; down++)
      for (let right = -padding; right <= padding; right++)
        if (JSON.stringify(moved(originals[i] as Image, isMirrored, down, right)) === text)
          found.push(`${isMirrored} ${down} ${right}`);
  return found;
}

function counts(values: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const value of values) result.set(value, (result.get(value) ?? 0) + 1);
  return result;
}

describe("augmentation", () => {
  it("without flip and padding changes nothing", () => {
    assert.deepEqual(augmented({ flip: false, padding: 0 }), originals);
  });

  it("mirrors about half of the images and no more", () => {
    const results = augmented({ flip: true, padding: 0 });
    const mirrored = results.filter((image, i) => changesOf(image, i, 0)[0] === "true 0 0").length;
    const same = results.filter((image, i) => changesOf(image, i, 0)[0] === "false 0 0").length;
    assert.equal(mirrored + same, batch);
    assert.ok(Math.abs(mirrored - batch / 2) < 60, `${mirrored}`);
  });

  it("shifts by every amount up to the padding, each equally often, together with the flip", () => {
    const results = augmented({ flip: true, padding: 1 });
    const changes = results.map((image, i) => {
      const found = changesOf(image, i, 1);
      assert.equal(found.length, 1, `image ${i}`);
      return found[0] as string;
    });
    assert.equal(counts(changes).size, 2 * 3 * 3);
    for (const [change, count] of counts(changes)) assert.ok(count > 5 && count < 56, `${change}: ${count}`);
  });

  it("of a sample depends on the seed, the epoch and its index, not on the batch around it", () => {
    const options = { flip: true, padding: 2 };
    const all = augmented(options);
    const some = Int32Array.of(400, 3, 77);
    const alone = moveBatch(indexSelect(images, 0, tensor(some)), options, { ...keys, indices: some });
    assert.deepEqual(alone.toNestedArray() as NestedArray, [all[400], all[3], all[77]]);
    assert.notDeepEqual(augmented(options, { ...keys, epoch: 3 }), all);
    assert.notDeepEqual(augmented(options, { ...keys, seed: 12 }), all);
  });
});
