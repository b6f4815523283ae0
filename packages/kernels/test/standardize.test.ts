/** pea::standardize against a cast, a subtraction and a division, bit by bit. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadKernels, standardizeBytes } from "@pea/kernels";
import { cast, div, permute, sub, type Tensor, tensor } from "@pea/torch";

const skip = !loadKernels() && "the kernels are not built";

function bytes(shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor(
    Uint8Array.from({ length: count }, (_, i) => (i * 151 + (i >> 8) * 7) % 256),
    { shape: [...shape] },
  );
}

function composed(images: Tensor, offset: readonly number[], scale: readonly number[]): Tensor {
  const perChannel = (values: readonly number[]) =>
    tensor(Float32Array.from(values), { shape: [values.length, 1, 1] });
  const pixels = cast(images, { dtype: "float32", memoryFormat: "channels_last" });
  return div(sub(pixels, perChannel(offset)), perChannel(scale));
}

describe("standardizing bytes in one pass", { skip }, () => {
  const cases: [what: string, images: () => Tensor][] = [
    ["images in channels_last", () => permute(bytes([3, 17, 19, 3]), [0, 3, 1, 2])],
    ["contiguous images", () => bytes([2, 3, 15, 9])],
    ["grey images", () => bytes([5, 1, 28, 28])],
    ["five channels", () => bytes([2, 5, 7, 11])],
    ["rows and columns exchanged", () => permute(bytes([2, 3, 6, 10]), [0, 1, 3, 2])],
    ["enough for several threads", () => permute(bytes([4, 131, 137, 3]), [0, 3, 1, 2])],
    ["one pixel", () => bytes([1, 3, 1, 1])],
    ["no image", () => bytes([0, 3, 4, 4])],
  ];
  for (const [what, make] of cases)
    test(`is what plain operators give: ${what}`, () => {
      const images = make();
      const channels = images.shape[1] as number;
      const offset = Array.from({ length: channels }, (_, i) => 123.675 - 7.395 * i);
      const scale = Array.from({ length: channels }, (_, i) => 58.395 - 1.275 * i);
      const found = standardizeBytes(images, { offset, scale }) as Tensor;
      assert.equal(found.dtype, "float32");
      assert.ok(found.isContiguous("channels_last"));
      assert.deepEqual(found.toTypedArray(), composed(images, offset, scale).toTypedArray());
    });

  test("refuses other dtypes, shapes and numbers of channels", () => {
    const [offset, scale] = [
      [1, 2, 3],
      [1, 1, 1],
    ];
    const standardize = (images: Tensor) => standardizeBytes(images, { offset, scale });
    assert.throws(() => standardize(tensor(new Float32Array(12), { shape: [1, 3, 2, 2] })), /must be uint8/);
    assert.throws(() => standardize(bytes([3, 2, 2])), /must be \[B, C, H, W\]/);
    assert.throws(() => standardize(bytes([1, 4, 2, 2])), /images of 4 channels need as many offsets/);
  });
});
