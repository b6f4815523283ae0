import { createModel } from "../../src/models/index.ts";
import { rows, testGolden } from "./golden-networks.ts";

testGolden({
  name: "AlexNet-BN",
  create: () => createModel("alexnet-bn", { dropout: 0 }),
  image: [3, 224, 224],
  rows: rows(
    [6.992655, -2.270019, -2.265099, 163.47475],
    [-0.053371, 0.775163, -0.182288, 63.42392],
    [-0.381279, 0.263329, -0.674172, 56.5529],
    [0.010934, -0.043798, -0.325856, 51.62347],
    [-0.410841, 0.220121, -0.369032, 59.49159],
  ),
  batchNorm: { path: "classifier.0.bn", runningVar: 0.712094, runningMean: -0.182186 },
});
