import { createModel } from "../../src/models/index.ts";
import { rows, testGolden } from "./golden-networks.ts";

testGolden({
  name: "ERFNet classifier",
  create: () => createModel("erfnet", { dropout: 0 }),
  image: [3, 64, 64],
  rows: rows(
    [108.644484, 10.884141, -86.29907, 2125.63606],
    [3.732404, -0.124618, -3.133682, 172.6138],
    [3.282427, 0.604895, -2.453728, 133.68347],
    [2.288931, 0.236527, -0.857202, 95.52989],
    [3.006015, 0.485629, -2.784364, 128.35649],
  ),
  batchNorm: {
    path: "features.encoder.initial_block.bn",
    runningVar: 1.073732,
    runningMean: 0.021508,
  },
});

testGolden({
  name: "ERFNet segmentation",
  create: () => createModel("erfnet-segmentation", { dropout: [0, 0, 0] }),
  image: [3, 64, 128],
  rows: rows(
    [2.708643, 4.582871, 5.154565, 14052.14551],
    [0.128499, -0.884416, 0.652646, 761.55765],
    [0.227363, -0.125675, 0.376632, 667.40517],
    [0.071903, -0.08007, 0.165096, 626.93987],
    [0.342386, 0.050773, 0.351998, 670.62812],
  ),
  batchNorm: { path: "decoder.layers.0.bn", runningVar: 1.056276, runningMean: 0.014346 },
});
