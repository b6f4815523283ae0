/**
 * ResNet-18 and ResNet-50 with the state-dict keys of torchvision (spec networks.md 2, 3 and 6). Every activation site
 * has a module of its own: `relu` in the stem, `relu1`, `relu2` (and `relu3`) in each block.
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  BatchNormAct2d,
  type BatchNormLayerOptions,
  Conv2d,
  flatten,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of the ResNets. */
export interface ResNetOptions extends ModelOptions {
  /** The variant for images of about 32×32 pixels (spec networks.md 6); default false. */
  small?: boolean;
  /** Convolutions by fan-in, truncated (Garden, the default), or by fan-out (torchvision); spec networks.md 2.4. */
  init?: "he-truncated" | "he-out";
}

/** A residual block of (inputs, width, stride); it gives `expansion · width` channels. */
interface BlockClass {
  readonly expansion: number;
  new (inputs: number, width: number, stride: number, batchNorm: BatchNormLayerOptions): Module;
}

function convolution(inputs: number, outputs: number, kernelSize: number, stride: number): Conv2d {
  return new Conv2d(inputs, outputs, kernelSize, {
    stride,
    padding: (kernelSize - 1) / 2,
    bias: false,
  });
}

/** The way past a block: a 1×1 convolution and BN where the shape changes, else null: the input itself. */
function projection(
  inputs: number,
  outputs: number,
  stride: number,
  batchNorm: BatchNormLayerOptions,
): Sequential | null {
  if (stride === 1 && inputs === outputs) return null;
  return new Sequential(convolution(inputs, outputs, 1, stride), new BatchNorm2d(outputs, batchNorm));
}

/** conv1 → BN → relu1 → conv2 → BN → + skip → relu2. */
class BasicBlock extends Module {
  static readonly expansion = 1;
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu1: Module = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNormAct2d;
  readonly downsample: Sequential | null;
  relu2: Module = new ReLU();

  constructor(inputs: number, width: number, stride: number, batchNorm: BatchNormLayerOptions) {
    super();
    this.conv1 = convolution(inputs, width, 3, stride);
    this.bn1 = new BatchNormAct2d(width, { ...batchNorm, activation: () => this.relu1 });
    this.conv2 = convolution(width, width, 3, 1);
    this.bn2 = new BatchNormAct2d(width, { ...batchNorm, activation: () => this.relu2 });
    this.downsample = projection(inputs, width, stride, batchNorm);
  }

  /** (N, inputs, H, W) → (N, width, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const skip = this.downsample === null ? x : this.downsample.forward(x);
    return this.bn2.forward(runInTurn(x, [this.conv1, this.bn1, this.conv2]), skip);
  }
}

/** 1×1 conv1 → BN → relu1 → 3×3 conv2 (with the stride) → BN → relu2 → 1×1 conv3 → BN → + skip → relu3. */
class Bottleneck extends Module {
  static readonly expansion = 4;
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu1: Module = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNormAct2d;
  relu2: Module = new ReLU();
  readonly conv3: Conv2d;
  readonly bn3: BatchNormAct2d;
  readonly downsample: Sequential | null;
  relu3: Module = new ReLU();

  constructor(inputs: number, width: number, stride: number, batchNorm: BatchNormLayerOptions) {
    super();
    const outputs = Bottleneck.expansion * width;
    this.conv1 = convolution(inputs, width, 1, 1);
    this.bn1 = new BatchNormAct2d(width, { ...batchNorm, activation: () => this.relu1 });
    this.conv2 = convolution(width, width, 3, stride);
    this.bn2 = new BatchNormAct2d(width, { ...batchNorm, activation: () => this.relu2 });
    this.conv3 = convolution(width, outputs, 1, 1);
    this.bn3 = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.relu3 });
    this.downsample = projection(inputs, outputs, stride, batchNorm);
  }

  /** (N, inputs, H, W) → (N, 4 · width, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const skip = this.downsample === null ? x : this.downsample.forward(x);
    const { conv1, bn1, conv2, bn2, conv3 } = this;
    return this.bn3.forward(runInTurn(x, [conv1, bn1, conv2, bn2, conv3]), skip);
  }
}

/** Four stages of residual blocks; the small variant has a 3×3 stem of stride 1 and no max-pool. */
abstract class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu: Module = new ReLU();
  readonly maxpool: MaxPool2d | null;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;

  constructor(Block: BlockClass, depths: readonly [number, number, number, number], options: ResNetOptions) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, small = false } = options;
    const batchNorm = batchNormOptions(options, 1e-5);
    const stem = scaleChannels(64, width);
    let channels = stem;
    const stage = (depth: number, baseWidth: number, firstStride: number) => {
      const blockWidth = scaleChannels(baseWidth, width);
      const blocks = Array.from({ length: depth }, (_, index) => {
        const block = new Block(channels, blockWidth, index === 0 ? firstStride : 1, batchNorm);
        channels = Block.expansion * blockWidth;
        return block;
      });
      return new Sequential(...blocks);
    };

    this.conv1 = small ? convolution(inputChannels, stem, 3, 1) : convolution(inputChannels, stem, 7, 2);
    this.bn1 = new BatchNormAct2d(stem, { ...batchNorm, activation: () => this.relu });
    this.maxpool = small ? null : new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(depths[0], 64, 1);
    this.layer2 = stage(depths[1], 128, 2);
    this.layer3 = stage(depths[2], 256, 2);
    this.layer4 = stage(depths[3], 512, 2);
    this.fc = new Linear(channels, classes);
    initializeConvolutions(
      this,
      choose("init", options.init ?? "he-truncated", {
        "he-truncated": init.heTruncatedNormal,
        "he-out": init.heNormal,
      }),
    );
    initializeHead(this.fc);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const stem = [this.conv1, this.bn1, ...(this.maxpool === null ? [] : [this.maxpool])];
    const maps = runInTurn(x, [...stem, this.layer1, this.layer2, this.layer3, this.layer4]);
    return this.fc.forward(flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 }));
  }
}

/** ResNet-18, also in the small variant. */
export class ResNet18 extends ResNet {
  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ResNetOptions = {}) {
    super(BasicBlock, [2, 2, 2, 2], options);
  }
}

/** ResNet-50 with the stride on the 3×3 convolutions ("version 1.5"), also in the small variant. */
export class ResNet50 extends ResNet {
  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ResNetOptions = {}) {
    super(Bottleneck, [3, 4, 6, 3], options);
  }
}

export const resNet18: NetworkFamily = {
  name: "resnet18",
  listed: [
    {
      name: "resnet18",
      description: "ResNet-18",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
    {
      name: "resnet18-small",
      description: "ResNet-18 for images of about 32×32: 3×3 stem of stride 1, no max-pool",
      inputShape: [3, 32, 32],
      classes: 10,
    },
  ],
  ownOptions: ["small", "init"],
  create: (options) => new ResNet18(options),
};

export const resNet50: NetworkFamily = {
  name: "resnet50",
  listed: [
    {
      name: "resnet50",
      description: "ResNet-50, with the stride on the 3×3 convolutions",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: ["small", "init"],
  create: (options) => new ResNet50(options),
};
