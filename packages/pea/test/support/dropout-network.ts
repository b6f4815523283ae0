import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  flatten,
  Linear,
  Module,
  ReLU,
  type Tensor,
} from "@pea/torch";
import { registerModel } from "../../src/models/index.ts";

/**
 * The least network with all that a resumed run must bring back: running statistics, dropout and two sites. Recipes
 * know it as `dropout-network` wherever this file is imported.
 */
export class DropoutNetwork extends Module {
  readonly conv1: Conv2d;
  readonly bn1: Module;
  readonly relu1 = new ReLU();
  readonly conv2 = new Conv2d(8, 16, 3, { stride: 2 });
  readonly relu2 = new ReLU();
  readonly dropout: Module;
  readonly fc: Linear;

  constructor(
    inputChannels: number,
    classes: number,
    { bn1 = new BatchNorm2d(8), dropout = new Dropout(0.5) }: { bn1?: Module; dropout?: Module } = {},
  ) {
    super();
    this.bn1 = bn1;
    this.dropout = dropout;
    this.conv1 = new Conv2d(inputChannels, 8, 3, { stride: 2 });
    this.fc = new Linear(16, classes);
  }

  override forward(images: Tensor): Tensor {
    const x = this.relu1.forward(this.bn1.forward(this.conv1.forward(images)));
    const y = this.relu2.forward(this.conv2.forward(x));
    return this.fc.forward(this.dropout.forward(flatten(adaptiveAvgPool2d(y, [1, 1]), { startDim: 1 })));
  }
}

registerModel({
  name: "dropout-network",
  description: "a network that draws from the global generator at every step",
  inputShape: [1, 28, 28],
  classes: 10,
  create: ({ inputChannels = 1, classes = 10 }) => new DropoutNetwork(inputChannels, classes),
});
