import { adaptiveAvgPool2d, Conv2d, flatten, Linear, Module, ReLU, type Tensor } from "@pea/torch";
import { registerModel } from "../../src/models/index.ts";

/** Scores that depend on weights alone. Recipes know it as `network-without-norm` wherever this file is imported. */
class NetworkWithoutNorm extends Module {
  readonly conv1: Conv2d;
  readonly relu1 = new ReLU();
  readonly conv2 = new Conv2d(8, 16, 3, { stride: 2 });
  readonly relu2 = new ReLU();
  readonly fc: Linear;

  constructor(inputChannels: number, classes: number) {
    super();
    this.conv1 = new Conv2d(inputChannels, 8, 3, { stride: 2 });
    this.fc = new Linear(16, classes);
  }

  override forward(images: Tensor): Tensor {
    const x = this.relu1.forward(this.conv1.forward(images));
    const y = this.relu2.forward(this.conv2.forward(x));
    return this.fc.forward(flatten(adaptiveAvgPool2d(y, [1, 1]), { startDim: 1 }));
  }
}

registerModel({
  name: "network-without-norm",
  description: "a network whose scores depend on its weights alone",
  inputShape: [1, 28, 28],
  classes: 10,
  create: ({ inputChannels = 1, classes = 10 }) => new NetworkWithoutNorm(inputChannels, classes),
});
