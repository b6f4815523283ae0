/**
 * ResNet-18 with the state-dict keys of torchvision (spec networks.md 2 and 6). Every activation site has a module of
 * its own: `relu` in the stem, `relu1` and `relu2` in each block.
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNorm2d,
  BatchNormAct2d,
  Conv2d,
  flatten,
  init,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of `ResNet18`. */
export interface ResNet18Options extends ModelOptions {
  /** Convolutions by fan-in, truncated (Garden, the default), or by fan-out (torchvision); spec networks.md 2.4. */
  init?: "he-truncated" | "he-out";
}

interface BatchNormOptions {
  eps: number;
  momentum: number;
}

function convolution(inputs: number, outputs: number, kernelSize: number, stride: number): Conv2d {
  return new Conv2d(inputs, outputs, kernelSize, {
    stride,
    padding: (kernelSize - 1) / 2,
    bias: false,
  });
}

/**
 * conv1 → BN → relu1 → conv2 → BN → + skip → relu2. The skip is a 1×1 projection where the shape changes, else the
 * input itself.
 */
class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu1: Module = new ReLU();
  readonly conv2: Conv2d;
  readonly bn2: BatchNormAct2d;
  readonly downsample: Sequential | null;
  relu2: Module = new ReLU();

  constructor(inputs: number, outputs: number, stride: number, batchNorm: BatchNormOptions) {
    super();
    this.conv1 = convolution(inputs, outputs, 3, stride);
    this.bn1 = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.relu1 });
    this.conv2 = convolution(outputs, outputs, 3, 1);
    this.bn2 = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.relu2 });
    const sameShape = stride === 1 && inputs === outputs;
    this.downsample = sameShape
      ? null
      : new Sequential(convolution(inputs, outputs, 1, stride), new BatchNorm2d(outputs, batchNorm));
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const skip = this.downsample === null ? x : this.downsample.forward(x);
    const hidden = this.bn1.forward(this.conv1.forward(x));
    return this.bn2.forward(this.conv2.forward(hidden), skip);
  }
}

/** ResNet-18; the small variant has a 3×3 stem of stride 1 and no max-pool. */
export class ResNet18 extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNormAct2d;
  relu: Module = new ReLU();
  readonly maxpool: MaxPool2d | null;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ResNet18Options = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, small = false } = options;
    const batchNorm = { eps: options.batchNormEps ?? 1e-5, momentum: options.batchNormMomentum ?? 0.1 };
    const channels = [64, 128, 256, 512].map((count) => scaleChannels(count, width));
    const [c1, c2, c3, c4] = channels as [number, number, number, number];
    const stage = (inputs: number, outputs: number, stride: number) =>
      new Sequential(
        new BasicBlock(inputs, outputs, stride, batchNorm),
        new BasicBlock(outputs, outputs, 1, batchNorm),
      );

    this.conv1 = small ? convolution(inputChannels, c1, 3, 1) : convolution(inputChannels, c1, 7, 2);
    this.bn1 = new BatchNormAct2d(c1, { ...batchNorm, activation: () => this.relu });
    this.maxpool = small ? null : new MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(c1, c1, 1);
    this.layer2 = stage(c1, c2, 2);
    this.layer3 = stage(c2, c3, 2);
    this.layer4 = stage(c3, c4, 2);
    this.fc = new Linear(c4, classes);
    this.#initialize(
      choose("init", options.init ?? "he-truncated", {
        "he-truncated": init.heTruncatedNormal,
        "he-out": init.heNormal,
      }),
    );
  }

  #initialize(kernel: (weight: Tensor) => Tensor): void {
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d) kernel(module.weight);
    }
    init.normal(this.fc.weight, 0.01);
    if (this.fc.bias !== null) init.zeros(this.fc.bias);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x));
    if (this.maxpool !== null) y = this.maxpool.forward(y);
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) y = stage.forward(y);
    return this.fc.forward(flatten(adaptiveAvgPool2d(y, 1), { startDim: 1 }));
  }
}
