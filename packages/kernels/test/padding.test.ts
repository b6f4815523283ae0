import assert from "node:assert/strict";
import { test } from "node:test";
import { conv3x1, conv3x3, depthwise, loadKernels, pointwise, stem } from "@pea/kernels";
import { contiguous, ones, TorchError } from "@pea/torch";

test("what is no padding is refused by each convolution of our own", () => {
  assert.ok(loadKernels(), "the kernels are built");
  const windows = {
    conv3x3: [conv3x3, [32, 32, 3, 3], 1, 1],
    conv3x1: [conv3x1, [32, 32, 3, 1], [1, 0], 1],
    depthwise: [depthwise, [32, 1, 3, 3], 1, 32],
    pointwise: [pointwise, [32, 32, 1, 1], 0, 1],
    stem: [stem, [8, 3, 3, 3], 1, 1],
  } as const;
  for (const [name, [convolution, shape, own, groups]] of Object.entries(windows)) {
    const images = contiguous(ones([4, shape[1] * groups, 16, 16]), { memoryFormat: "channels_last" });
    const padded = (padding: unknown) =>
      convolution(images, ones(shape), { padding: padding as never, groups });
    assert.ok(padded(own), `${name} takes a padding of ${own}`);
    for (const wrong of ["same", null, true, -1, Number.NaN, [1], [1, 1, -1, 1], [1, 1, 0.5, 1]])
      assert.throws(
        () => padded(wrong),
        (error: Error) =>
          error instanceof TorchError && /takes as its padding a whole number/.test(error.message),
        `${name} refuses ${JSON.stringify(wrong)}`,
      );
  }
});
