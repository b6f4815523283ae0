/** Networks have the size that their authors give them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setNumThreads } from "@pea/torch";
import { createModel, findModel, modelInfo } from "../../src/models/index.ts";

setNumThreads(1);

interface Size {
  parameters: number;
  /** Of one image; as they are published, to the last digit. */
  macs: `${number} G` | `${number} M` | number;
  /** Of which size, if not the network's own. */
  image?: readonly [number, number, number];
  options?: object;
}

/**
 * Of torchvision's documentation; of RegNetX-200MF and EfficientNet-Lite0 of timm's; of MLPerf Tiny's networks the
 * parameters that Keras trains in the reference, and the benchmark's MACs; of U-Net the parameters of milesial's
 * Pytorch-UNet, and half of the operations that PyTorch's FlopCounterMode counts of it.
 */
const published: Readonly<Record<string, Size>> = {
  "mobilenet-v2": { parameters: 3_504_872, macs: "0.30 G" },
  "shufflenet-v2-0.5": { parameters: 1_366_792, macs: "0.04 G" },
  "shufflenet-v2": { parameters: 2_278_604, macs: "0.14 G" },
  "shufflenet-v2-1.5": { parameters: 3_503_624, macs: "0.30 G" },
  "shufflenet-v2-2": { parameters: 7_393_996, macs: "0.58 G" },
  "efficientnet-lite0": { parameters: 4_652_008, macs: "0.4 G" },
  "regnetx-200mf": { parameters: 2_684_792, macs: "0.2 G" },
  "regnetx-400mf": { parameters: 5_495_976, macs: "0.41 G" },
  resnet8: { parameters: 78_186, macs: "12.5 M" },
  "ds-cnn": { parameters: 23_756, macs: "2.7 M" },
  "mobilenet-vww": { parameters: 216_322, macs: "7.5 M" },
  autoencoder: { parameters: 267_928, macs: "0.26 M" },
  unet: { parameters: 31_037_633 + 18 * 65, macs: 3_015_180_288, image: [3, 64, 64] },
  "unet bilinear": {
    parameters: 17_262_977 + 18 * 65,
    macs: 2_503_475_200,
    image: [3, 64, 64],
    options: { up: "bilinear" },
  },
};

/** A number as it is published. */
function rounded(value: number, like: Size["macs"]): Size["macs"] {
  if (typeof like === "number") return value;
  const [number = "", unit] = like.split(" ");
  const digits = number.split(".")[1]?.length ?? 0;
  return `${(value / (unit === "G" ? 1e9 : 1e6)).toFixed(digits)} ${unit}` as Size["macs"];
}

for (const [title, { parameters, macs, image, options }] of Object.entries(published))
  test(title, () => {
    const [name = ""] = title.split(" ");
    const { inputShape, classes } = findModel(name);
    const model = createModel(name, { inputChannels: inputShape[0], classes, ...options });
    const info = modelInfo(model, image ?? inputShape);
    model.dispose();
    assert.equal(info.parameters, parameters);
    assert.equal(rounded(info.macs, macs), macs);
  });
