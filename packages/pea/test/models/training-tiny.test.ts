import { testTraining } from "../train/training-oracle.ts";

testTraining([
  { network: "resnet8", options: {}, image: [3, 32, 32], classes: 10, batch: 6 },
  { network: "ds-cnn", options: { dropout: [0, 0] }, image: [1, 49, 10], classes: 12, batch: 6 },
  { network: "mobilenet-vww", options: {}, image: [3, 96, 96], classes: 2, batch: 6 },
]);
