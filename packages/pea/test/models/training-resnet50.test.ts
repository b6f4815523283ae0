import { testTraining } from "../train/training-oracle.ts";

// Larger than for ResNet-18: over 53 batch norms the rounding grows, the more the fewer values each has.
testTraining([{ network: "resnet50", options: { width: 0.125 }, image: [3, 96, 96], classes: 10, batch: 8 }]);
