/**
 * ShuffleNet-V2 with the state-dict keys of torchvision.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  adaptiveAvgPool2d,
  Conv2d,
  cat,
  channelShuffle,
  chunk,
  flatten,
  init,
  Linear,
  MaxPool2d,
  Module,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { ConvSequence } from "./conv-sequence.ts";
import { pointwise, type UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions } from "./options.ts";

/** Channels of the three stages and of the last convolution, by width. */
const CHANNELS: ReadonlyMap<number, readonly [number, number, number, number]> = new Map([
  [0.5, [48, 96, 192, 1024]],
  [1, [116, 232, 464, 1024]],
  [1.5, [176, 352, 704, 1024]],
  [2, [244, 488, 976, 2048]],
]);

const STEM = 24;

const depthwise = (channels: number, stride: number) =>
  new Conv2d(channels, channels, 3, { stride, padding: 1, groups: channels, bias: false });

/**
 * Two branches side by side, whose channels are then dealt out in turn. At stride 1 the first half of the channels passes
 * by; at stride 2 both branches see all of them.
 */
class ShuffleUnit extends Module {
  readonly branch1: ConvSequence | null;
  readonly branch2: ConvSequence;

  constructor(inputs: number, outputs: number, stride: 1 | 2, unit: UnitOptions) {
    super();
    const half = outputs / 2;
    const seen = stride === 1 ? half : inputs;
    this.branch1 =
      stride === 1
        ? null
        : new ConvSequence(
            [{ conv: depthwise(inputs, stride), isLinear: true }, { conv: pointwise(inputs, half) }],
            unit,
          );
    this.branch2 = new ConvSequence(
      [
        { conv: pointwise(seen, half) },
        { conv: depthwise(half, stride), isLinear: true },
        { conv: pointwise(half, half) },
      ],
      unit,
    );
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const [first, second] =
      this.branch1 === null ? (chunk(x, 2, { dim: 1 }) as [Tensor, Tensor]) : [this.branch1.forward(x), x];
    return channelShuffle(cat([first, this.branch2.forward(second)], { dim: 1 }), 2);
  }
}

/** ShuffleNet-V2 at width 0.5, 1, 1.5 or 2. */
export class ShuffleNetV2 extends Module {
  readonly conv1: ConvSequence;
  readonly maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly stage2: Sequential;
  readonly stage3: Sequential;
  readonly stage4: Sequential;
  readonly conv5: ConvSequence;
  readonly fc: Linear;

  /** @throws PeaError of kind usage for a count that cannot be, and a width that there is not. */
  constructor(options: ModelOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1 } = options;
    const [c2, c3, c4, last] = channelsOf(width);
    const unit: UnitOptions = { batchNorm: batchNormOptions(options, 1e-5) };
    const stage = (inputs: number, outputs: number, units: number) =>
      new Sequential(
        new ShuffleUnit(inputs, outputs, 2, unit),
        ...Array.from({ length: units - 1 }, () => new ShuffleUnit(outputs, outputs, 1, unit)),
      );
    const stem = new Conv2d(inputChannels, STEM, 3, { stride: 2, padding: 1, bias: false });
    this.conv1 = new ConvSequence([{ conv: stem }], unit);
    this.stage2 = stage(STEM, c2, 4);
    this.stage3 = stage(c2, c3, 8);
    this.stage4 = stage(c3, c4, 4);
    this.conv5 = new ConvSequence([{ conv: pointwise(c4, last) }], unit);
    this.fc = new Linear(last, classes);
    initializeConvolutions(this, init.heTruncatedNormal);
    initializeHead(this.fc);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const { conv1, maxpool, stage2, stage3, stage4, conv5 } = this;
    const maps = runInTurn(x, [conv1, maxpool, stage2, stage3, stage4, conv5]);
    return this.fc.forward(flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 }));
  }
}

function channelsOf(width: number): readonly [number, number, number, number] {
  const channels = CHANNELS.get(width);
  if (channels !== undefined) return channels;
  throw new PeaError(`width is ${width}, but ShuffleNet-V2 comes at ${[...CHANNELS.keys()].join(", ")}`, {
    kind: "usage",
  });
}

export const shuffleNetV2: NetworkFamily = {
  name: "shufflenet-v2",
  listed: [
    {
      name: "shufflenet-v2",
      description: "ShuffleNet-V2; also shufflenet-v2-0.5, -1.5 and -2",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: [],
  create: (options) => new ShuffleNetV2(options),
};
