/**
 * Networks compute what others' implementations of them do, from the same weights under the same keys. The numbers were
 * computed in float64 by torchvision 0.14.1 (RegNetX-200MF by its RegNet with that design's parameters, ReLU6 replaced by
 * ReLU), by efficientnet-lite-pytorch 0.1.0, and, of U-Net, by milesial's Pytorch-UNet at a quarter of its width; weights and
 * images by the formula of spec networks.md 8.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { createModel } from "../../src/models/index.ts";
import { rows, testGolden } from "./golden-networks.ts";

/** SHA-256 over the sorted lines `<key> [<shape>]` of a state dict, and how many there are. */
function keysOf(name: string, options: object = {}): { count: number; digest: string } {
  const model = createModel(name, { ...options });
  const lines = [...model.stateDict()].map(([key, { shape }]) => `${key} [${shape}]`).sort();
  model.dispose();
  return { count: lines.length, digest: createHash("sha256").update(lines.join("\n")).digest("hex") };
}

describe("the state dict has the reference's keys and shapes:", () => {
  const references: [name: string, options: object, count: number, digest: string][] = [
    ["mobilenet-v2", { dropout: 0 }, 314, "151aab7d6a5a239db0b4635d136870359d3749fdee418b187a048831b9288855"],
    [
      "mobilenet-v2-0.5",
      { dropout: 0 },
      314,
      "ac68600ab56b792e69941a4eae31f81678b871019e8dbd8cb5469b0ae5e9e439",
    ],
    ["shufflenet-v2", {}, 338, "df521af49ccde687b3f15082912c4fdf627df0a31d7c126769e37ff3949c1fff"],
    ["shufflenet-v2-0.5", {}, 338, "59a29bd0a28e2898a0c70721aa60e446ed026dd2e4089fbea2583310ffae4ddf"],
    ["regnetx-400mf", {}, 428, "043c105efdda84d7d7e345fa6bd5b165bde4056d67529327b04d655648190535"],
    ["regnetx-200mf", {}, 266, "95a2d5e89e57897b91dbe7dedb54a3fc041a125562704ffae3530e8620a7c93a"],
    [
      "efficientnet-lite0",
      { dropout: 0, batchNormMomentum: 0.01 },
      296,
      "40bb706f9d9ba06c1ff8f4f8032b6ba89688f56a38554bd8ecfe799b72fd8575",
    ],
    ["unet-0.25", { classes: 19 }, 118, "f6866718b39aa7ab1ec476a53d7a3d57f942ebfe27fc6e69098717e10e7943d1"],
    [
      "unet-0.25",
      { classes: 19, up: "bilinear" },
      110,
      "51ff20639864cd86d5f22f4fcd29fb2214686ba1fe232bb610b3b122950c268a",
    ],
  ];
  for (const [name, options, count, digest] of references)
    test(`${name} ${JSON.stringify(options)}`, () =>
      assert.deepEqual(keysOf(name, options), { count, digest }));
});

testGolden({
  name: "mobilenet-v2",
  create: () => createModel("mobilenet-v2", { dropout: 0 }),
  image: [3, 64, 64],
  rows: rows(
    [720.488972, 908.761783, -72.199718, 16074.47049],
    [1.223038, 1.126044, 0.426081, 44.3714],
    [0.916923, 0.161826, 0.453668, 36.5891],
    [0.566417, 0.994608, 0.167845, 30.59937],
    [0.775085, 0.513974, 0.395926, 34.95492],
  ),
  batchNorm: { path: "features.0.1", runningVar: 1.039167, runningMean: -0.007763 },
});

testGolden({
  name: "mobilenet-v2-0.5",
  create: () => createModel("mobilenet-v2-0.5", { dropout: 0 }),
  image: [3, 64, 64],
  rows: rows(
    [543.216139, -31.876869, -267.675599, 8038.27248],
    [0.709345, 1.105841, -0.3746, 44.72918],
    [0.557107, 0.893825, -0.190799, 37.09194],
    [0.822839, 0.54988, -0.039739, 30.44025],
    [1.11612, 0.34923, 0.259194, 35.44507],
  ),
  batchNorm: { path: "features.0.1", runningVar: 1.039167, runningMean: -0.007763 },
});

testGolden({
  name: "shufflenet-v2",
  create: () => createModel("shufflenet-v2"),
  image: [3, 64, 64],
  rows: rows(
    [-26.72622, -13.254224, 3.499294, 554.88898],
    [-0.694975, -0.278297, 0.160546, 41.81736],
    [-0.498357, -0.475554, -0.221571, 34.55834],
    [-0.104862, 0.01849, -0.440647, 29.31594],
    [0.108259, -0.662015, -0.393609, 32.99102],
  ),
  batchNorm: { path: "conv1.1", runningVar: 1.101661, runningMean: -0.079347 },
});

testGolden({
  name: "shufflenet-v2-0.5",
  create: () => createModel("shufflenet-v2-0.5"),
  image: [3, 64, 64],
  rows: rows(
    [-46.17185, -41.974459, 39.741602, 852.0209],
    [-0.384196, -0.406573, -0.104375, 42.37285],
    [-0.4555, 0.106117, -0.50995, 34.20974],
    [-0.675953, -0.350293, -0.168443, 29.11854],
    [-0.699598, -0.460314, -0.326195, 33.58273],
  ),
  batchNorm: { path: "conv1.1", runningVar: 1.101661, runningMean: -0.079347 },
});

testGolden({
  name: "regnetx-400mf",
  create: () => createModel("regnetx-400mf"),
  image: [3, 64, 64],
  rows: rows(
    [375.265422, -189.416735, -302.6319, 34337.10855],
    [2.441336, -0.083165, -1.747217, 228.98332],
    [1.789542, -1.100078, 0.789439, 192.28591],
    [1.643173, 0.377407, -1.602161, 136.52396],
    [0.590144, 0.691138, -2.473618, 185.34976],
  ),
  batchNorm: { path: "stem.1", runningVar: 1.039167, runningMean: -0.007763 },
});

testGolden({
  name: "regnetx-200mf",
  create: () => createModel("regnetx-200mf"),
  image: [3, 64, 64],
  rows: rows(
    [-7.459536, -27.058802, -29.922545, 2987.38412],
    [1.568217, -1.733426, 2.134724, 169.8446],
    [0.038686, 0.231414, 1.979591, 140.6061],
    [1.593616, -1.290465, 1.390158, 107.05317],
    [1.44298, -0.98029, 2.297089, 139.07275],
  ),
  batchNorm: { path: "stem.1", runningVar: 1.039167, runningMean: -0.007763 },
});

testGolden({
  name: "efficientnet-lite0",
  create: () => createModel("efficientnet-lite0", { dropout: 0, batchNormMomentum: 0.01 }),
  image: [3, 64, 64],
  rows: rows(
    [-119.390919, 79.508858, -159.56517, 4140.17296],
    [-0.0693, 0.451111, 0.12997, 44.69431],
    [-0.546243, 0.574918, 0.203306, 37.01892],
    [-0.159872, 0.427175, 0.38751, 31.23213],
    [0.550482, 0.643594, 0.840133, 35.51448],
  ),
  batchNorm: { path: "_bn0", runningVar: 0.994947, runningMean: -0.067476 },
});

testGolden({
  name: "unet-0.25",
  create: () => createModel("unet-0.25", { classes: 19 }),
  image: [3, 36, 44],
  rows: rows(
    [0.435013, -0.807276, -0.286907, 390.29266],
    [1.12382, 0.155028, 1.375247, 354.42406],
    [0.638747, 0.178599, 1.09536, 326.74415],
    [0.592582, 0.05012, 0.872418, 300.23044],
    [0.791203, -0.004396, 1.069491, 334.54434],
  ),
  batchNorm: { path: "inc.double_conv.1", runningVar: 1.272517, runningMean: 0.084957 },
});

testGolden({
  name: "unet-0.25 bilinear",
  create: () => createModel("unet-0.25", { classes: 19, up: "bilinear" }),
  image: [3, 36, 44],
  rows: rows(
    [-0.57649, -0.140349, 0.663708, 355.15779],
    [0.482803, -0.137106, -0.034057, 339.86977],
    [0.13087, 0.323576, -0.094818, 311.36247],
    [0.197072, 0.24155, -0.15478, 284.23757],
    [0.156785, 0.401871, -0.229024, 318.80503],
  ),
  batchNorm: { path: "inc.double_conv.1", runningVar: 1.272517, runningMean: 0.084957 },
});
