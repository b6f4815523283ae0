/** A network of one's own without batch norm, made known to the command `pea`; see docs/guide-own-network.md. */
import { adaptiveAvgPool2d, Conv2d, flatten, init, Linear, Module, ReLU, type Tensor } from "@pea/torch";
import { registerModel } from "pea-train";

/** What PEA asks of a network: each ReLU is a module, and each place has one of its own. */
class PlainNetwork extends Module {
  readonly conv1: Conv2d;
  readonly relu1 = new ReLU();
  readonly conv2 = new Conv2d(16, 32, 3, { stride: 2, padding: 1 });
  readonly relu2 = new ReLU();
  readonly conv3 = new Conv2d(32, 64, 3, { stride: 2, padding: 1 });
  readonly relu3 = new ReLU();
  readonly fc: Linear;

  constructor(inputChannels: number, classes: number) {
    super();
    this.conv1 = new Conv2d(inputChannels, 16, 5, { stride: 2, padding: 2 });
    this.fc = new Linear(64, classes);
    // Without batch norm the initial weights alone set the scale that the activations see.
    for (const { weight } of [this.conv1, this.conv2, this.conv3]) init.heNormal(weight);
  }

  /** [N, C, H, W] → [N, classes]. */
  override forward(images: Tensor): Tensor {
    const x = this.relu1.forward(this.conv1.forward(images));
    const y = this.relu2.forward(this.conv2.forward(x));
    const z = this.relu3.forward(this.conv3.forward(y));
    return this.fc.forward(flatten(adaptiveAvgPool2d(z, 1), { startDim: 1 }));
  }
}

registerModel({
  name: "plain-network",
  description: "three convolutions without batch norm",
  inputShape: [1, 28, 28],
  classes: 10,
  create: ({ inputChannels = 1, classes = 10 }) => new PlainNetwork(inputChannels, classes),
});
