/**
 * MobileNet-V2 with the state-dict keys of torchvision and ReLU in place of ReLU6.
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  Conv2d,
  Dropout,
  flatten,
  init,
  Linear,
  Module,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { type ActivationOption, activationOf } from "./activation-option.ts";
import { BatchNormAdd2d, ConvSequence, runWithResidual } from "./conv-sequence.ts";
import { pointwise, type UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import { makeDivisible } from "./make-divisible.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions } from "./options.ts";

/** Options of `MobileNetV2`. */
export interface MobileNetV2Options extends ModelOptions, ActivationOption {
  /** Probability that the dropout before the last layer clears an element; default 0.2. */
  dropout?: number;
}

/** Stages: how much wider blocks are inside, their channels, how many there are, the stride of the first. */
const STAGES: readonly { expansion: number; outputs: number; blocks: number; stride: number }[] = [
  { expansion: 1, outputs: 16, blocks: 1, stride: 1 },
  { expansion: 6, outputs: 24, blocks: 2, stride: 2 },
  { expansion: 6, outputs: 32, blocks: 3, stride: 2 },
  { expansion: 6, outputs: 64, blocks: 4, stride: 2 },
  { expansion: 6, outputs: 96, blocks: 3, stride: 1 },
  { expansion: 6, outputs: 160, blocks: 3, stride: 2 },
  { expansion: 6, outputs: 320, blocks: 1, stride: 1 },
];

/** 1×1 to more channels, depthwise 3×3, linear 1×1 to fewer; where the shape stays, the input is added. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly #isResidual: boolean;

  constructor(
    inputs: number,
    outputs: number,
    { expansion, stride }: { expansion: number; stride: number },
    unit: UnitOptions,
  ) {
    super();
    const hidden = expansion * inputs;
    const depthwise = new Conv2d(hidden, hidden, 3, { stride, padding: 1, groups: hidden, bias: false });
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [new ConvSequence([{ conv: pointwise(inputs, hidden) }], unit)]),
      new ConvSequence([{ conv: depthwise }], unit),
      pointwise(hidden, outputs),
      new BatchNormAdd2d(outputs, unit.batchNorm),
    );
    this.#isResidual = stride === 1 && inputs === outputs;
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const layers = [...this.conv.children().values()];
    return this.#isResidual ? runWithResidual(x, layers, x) : runInTurn(x, layers);
  }
}

/** MobileNet-V2. */
export class MobileNetV2 extends Module {
  readonly features: Sequential;
  /** Dropout and the last layer. */
  readonly classifier: Sequential;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: MobileNetV2Options = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, dropout = 0.2 } = options;
    const unit: UnitOptions = {
      batchNorm: batchNormOptions(options, 1e-5),
      activation: activationOf(options),
    };
    let channels = makeDivisible(32, width);
    const stem = new Conv2d(inputChannels, channels, 3, { stride: 2, padding: 1, bias: false });
    const blocks = STAGES.flatMap(({ expansion, outputs, blocks, stride }) =>
      Array.from({ length: blocks }, (_, index) => {
        const inputs = channels;
        channels = makeDivisible(outputs, width);
        return new InvertedResidual(inputs, channels, { expansion, stride: index === 0 ? stride : 1 }, unit);
      }),
    );
    // Narrow networks keep the width of their last layer.
    const last = makeDivisible(1280, Math.max(1, width));
    this.features = new Sequential(
      new ConvSequence([{ conv: stem }], unit),
      ...blocks,
      new ConvSequence([{ conv: pointwise(channels, last) }], unit),
    );
    const fc = new Linear(last, classes);
    this.classifier = new Sequential(new Dropout(dropout), fc);
    initializeConvolutions(this, init.heNormal);
    initializeHead(fc);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const pooled = adaptiveAvgPool2d(this.features.forward(x), 1);
    return this.classifier.forward(flatten(pooled, { startDim: 1 }));
  }
}

export const mobileNetV2: NetworkFamily = {
  name: "mobilenet-v2",
  listed: [
    {
      name: "mobilenet-v2",
      description: "MobileNet-V2 with ReLU; any width by name, e.g. mobilenet-v2-0.5",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: ["activation", "dropout"],
  create: (options) => new MobileNetV2(options),
};
