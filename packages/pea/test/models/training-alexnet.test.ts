import { testTraining } from "../train/training-oracle.ts";

testTraining([
  { network: "alexnet-bn", options: { width: 0.125 }, image: [3, 224, 224], classes: 10, batch: 6 },
]);
