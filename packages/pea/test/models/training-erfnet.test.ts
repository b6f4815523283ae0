import { testTraining } from "../train/training-oracle.ts";

testTraining([
  { network: "erfnet", options: { width: 0.25 }, image: [3, 64, 64], classes: 10, batch: 6 },
  { network: "erfnet-segmentation", options: { width: 0.25 }, image: [3, 32, 64], classes: 5, batch: 4 },
]);
