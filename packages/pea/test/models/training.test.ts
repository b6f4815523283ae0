import assert from "node:assert/strict";
import { test } from "node:test";
import { useKernels } from "@pea/kernels";
import { ownConvolutions, testTraining } from "../train/training-oracle.ts";

const settings = { classes: 10, batch: 6 } as const;

testTraining([
  { ...settings, network: "resnet18", options: { width: 0.125 }, image: [3, 64, 64] },
  { ...settings, network: "resnet18", options: { width: 0.25, small: true }, image: [1, 28, 28] },
  // Wide enough for Winograd's convolutions: 32 to 256 channels.
  { ...settings, network: "resnet18", options: { width: 0.5, small: true }, image: [1, 28, 28] },
  { ...settings, network: "mobilenet", options: { width: 0.25, padding: "same" }, image: [3, 64, 64] },
  { ...settings, network: "mobilenet", options: { width: 0.25, activation: "relu6" }, image: [3, 32, 32] },
  { ...settings, network: "mobilenet", options: { width: 0.25, small: true }, image: [1, 28, 28] },
]);

test("the convolutions of the wide network and of MobileNet were among the fused operators", {
  skip: !useKernels(),
}, () => {
  for (const kind of ["dense", "depthwise", "pointwise"] as const) assert.ok(ownConvolutions[kind] > 0, kind);
});
