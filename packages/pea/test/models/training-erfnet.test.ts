import assert from "node:assert/strict";
import { test } from "node:test";
import { useKernels } from "@pea/kernels";
import { ownConvolutions, testTraining } from "../train/training-oracle.ts";

testTraining([
  { network: "erfnet", options: { width: 0.25 }, image: [3, 64, 64], classes: 10, batch: 6 },
  { network: "erfnet-segmentation", options: { width: 0.25 }, image: [3, 32, 64], classes: 5, batch: 4 },
  // Wide and large enough for Winograd's 3×1 and 1×3 convolutions: 32 channels of 16×32 pixels.
  { network: "erfnet-segmentation", options: { width: 0.5 }, image: [3, 64, 128], classes: 5, batch: 4 },
]);

test(
  "the 3×1 and 1×3 convolutions of the wide network were among the fused operators",
  {
    skip: !useKernels(),
  },
  () => assert.ok(ownConvolutions.line > 0, `${ownConvolutions.line} of them`),
);
