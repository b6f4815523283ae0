/**
 * ResNet-8 of MLPerf Tiny, for images of 32×32. As the reference in Keras it pads as SAME, its convolutions have biases, and
 * the way past a block has no batch norm. Keys are those of our ResNets, since Keras has none.
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNormAct2d,
  type BatchNormLayerOptions,
  type Conv2d,
  flatten,
  init,
  Linear,
  Module,
  ReLU,
  runInTurn,
  type Tensor,
} from "@pea/torch";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions, scaleChannels } from "./options.ts";
import { sameConvolution } from "./same-conv.ts";

/** conv1 → BN → relu1 → conv2 → BN → + skip → relu2; where the shape changes, the skip is a 1×1 convolution. */
class Stack extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu1: Module = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNormAct2d;
  readonly downsample: Conv2d | null;
  relu2: Module = new ReLU();

  constructor(inputs: number, outputs: number, stride: number, batchNorm: BatchNormLayerOptions) {
    super();
    this.conv1 = sameConvolution(inputs, outputs, 3, { stride, bias: true });
    this.bn1 = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.relu1 });
    this.conv2 = sameConvolution(outputs, outputs, 3, { bias: true });
    this.bn2 = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.relu2 });
    const keepsShape = stride === 1 && inputs === outputs;
    this.downsample = keepsShape ? null : sameConvolution(inputs, outputs, 1, { stride, bias: true });
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const skip = this.downsample === null ? x : this.downsample.forward(x);
    return this.bn2.forward(runInTurn(x, [this.conv1, this.bn1, this.conv2]), skip);
  }
}

/** ResNet-8: a convolution and three stacks. */
export class ResNet8 extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu: Module = new ReLU();
  readonly layer1: Stack;
  readonly layer2: Stack;
  readonly layer3: Stack;
  readonly fc: Linear;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ModelOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 10, width = 1 } = options;
    const batchNorm = batchNormOptions(options, 1e-3);
    const [c1, c2, c3] = [16, 32, 64].map((channels) => scaleChannels(channels, width)) as [
      number,
      number,
      number,
    ];
    this.conv1 = sameConvolution(inputChannels, c1, 3, { bias: true });
    this.bn1 = new BatchNormAct2d(c1, { ...batchNorm, activation: () => this.relu });
    this.layer1 = new Stack(c1, c1, 1, batchNorm);
    this.layer2 = new Stack(c1, c2, 2, batchNorm);
    this.layer3 = new Stack(c2, c3, 2, batchNorm);
    this.fc = new Linear(c3, classes);
    initializeConvolutions(this, init.heTruncatedNormal);
    initializeHead(this.fc, init.heTruncatedNormal);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const { conv1, bn1, layer1, layer2, layer3 } = this;
    const maps = runInTurn(x, [conv1, bn1, layer1, layer2, layer3]);
    return this.fc.forward(flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 }));
  }
}

export const resNet8: NetworkFamily = {
  name: "resnet8",
  listed: [
    {
      name: "resnet8",
      description: "ResNet-8 of MLPerf Tiny, for images of 32×32",
      inputShape: [3, 32, 32],
      classes: 10,
    },
  ],
  ownOptions: [],
  create: (options) => new ResNet8(options),
};
