import assert from "node:assert/strict";
import { it } from "node:test";
import { tensor } from "@pea/torch";
import { pixelStatistics } from "../../src/images/pixel-statistics.ts";

it("mean and population standard deviation are taken per channel, of pixels in [0, 1]", () => {
  // Two images of 1×2 pixels; channel 0 is 0 or 255, channel 1 constant.
  const images = tensor(new Uint8Array([0, 255, 51, 51, 0, 255, 51, 51]), { shape: [2, 2, 1, 2] });
  assert.deepEqual(pixelStatistics(images), { mean: [0.5, 0.2], std: [0.5, 0] });
});
