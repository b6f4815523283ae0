/**
 * RegNetX with the state-dict keys of torchvision.
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNormAct2d,
  Conv2d,
  flatten,
  init,
  Linear,
  Module,
  ReLU,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { ConvSequence, runWithResidual } from "./conv-sequence.ts";
import type { UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions } from "./options.ts";

/** One network of the family. */
interface Design {
  /** Channels of each of the four stages, and how many blocks it has. */
  readonly stages: readonly { readonly channels: number; readonly blocks: number }[];
  /** Channels of a group of the 3×3 convolutions. */
  readonly groupWidth: number;
}

const STEM = 32;

const X200: Design = {
  stages: [
    { channels: 24, blocks: 1 },
    { channels: 56, blocks: 1 },
    { channels: 152, blocks: 4 },
    { channels: 368, blocks: 7 },
  ],
  groupWidth: 8,
};

const X400: Design = {
  stages: [
    { channels: 32, blocks: 1 },
    { channels: 64, blocks: 2 },
    { channels: 160, blocks: 7 },
    { channels: 400, blocks: 12 },
  ],
  groupWidth: 16,
};

/** The last convolution of a block: its batch norm adds the residual, and the block's activation follows. */
class LastUnit extends Module {
  readonly 0: Conv2d;
  readonly 1: BatchNormAct2d;

  constructor(conv: Conv2d, { batchNorm }: UnitOptions, activation: () => Module) {
    super();
    this[0] = conv;
    this[1] = new BatchNormAct2d(conv.outputChannels, { ...batchNorm, activation });
  }

  override forward(x: Tensor, residual?: Tensor): Tensor {
    return this[1].forward(this[0].forward(x), residual);
  }
}

/** 1×1, 3×3 in groups with the stride, 1×1, all of one width; the input, by a projection where the shape changes, is added. */
class Block extends Module {
  readonly proj: ConvSequence | null;
  /** `a`, `b` and `c`. */
  readonly f: Bottleneck;
  activation: Module = new ReLU();

  constructor(inputs: number, outputs: number, stride: number, groupWidth: number, unit: UnitOptions) {
    super();
    const pointwise = (from: number, step = 1) => new Conv2d(from, outputs, 1, { stride: step, bias: false });
    const keepsShape = stride === 1 && inputs === outputs;
    this.proj = keepsShape
      ? null
      : new ConvSequence([{ conv: pointwise(inputs, stride), isLinear: true }], unit);
    const groups = outputs / groupWidth;
    const grouped = new Conv2d(outputs, outputs, 3, { stride, padding: 1, groups, bias: false });
    this.f = new Bottleneck(
      new ConvSequence([{ conv: pointwise(inputs) }], unit),
      new ConvSequence([{ conv: grouped }], unit),
      new LastUnit(pointwise(outputs), unit, () => this.activation),
    );
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    return this.f.forward(x, this.proj === null ? x : this.proj.forward(x));
  }
}

/** torchvision's name for what is added to the input. */
class Bottleneck extends Module {
  constructor(
    readonly a: ConvSequence,
    readonly b: ConvSequence,
    readonly c: LastUnit,
  ) {
    super();
  }

  override forward(x: Tensor, residual: Tensor): Tensor {
    return runWithResidual(x, [this.a, this.b, this.c], residual);
  }
}

/** A RegNetX. */
class RegNetX extends Module {
  readonly stem: ConvSequence;
  /** Stages `block1` to `block4`, of blocks `block1-0`, … */
  readonly trunk_output: Sequential;
  readonly fc: Linear;

  constructor({ stages, groupWidth }: Design, options: ModelOptions) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1 } = options;
    const unit: UnitOptions = { batchNorm: batchNormOptions(options, 1e-5) };
    const stem = new Conv2d(inputChannels, STEM, 3, { stride: 2, padding: 1, bias: false });
    this.stem = new ConvSequence([{ conv: stem }], unit);
    let channels = STEM;
    const built = stages.map(({ channels: wanted, blocks }, stage) => {
      const outputs = Math.max(1, Math.round((wanted * width) / groupWidth)) * groupWidth;
      const named = Array.from({ length: blocks }, (_, index) => {
        const block = new Block(channels, outputs, index === 0 ? 2 : 1, groupWidth, unit);
        channels = outputs;
        return [`block${stage + 1}-${index}`, block] as const;
      });
      return [`block${stage + 1}`, namedSequence(named)] as const;
    });
    this.trunk_output = namedSequence(built);
    this.fc = new Linear(channels, classes);
    initializeConvolutions(this, init.heNormal);
    initializeHead(this.fc);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const maps = runInTurn(x, [this.stem, this.trunk_output]);
    return this.fc.forward(flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 }));
  }
}

/** Modules one after the other, under names of their own. */
function namedSequence(modules: readonly (readonly [name: string, module: Module])[]): Sequential {
  return Object.assign(new Sequential(), Object.fromEntries(modules));
}

/** RegNetX-200MF. */
export class RegNetX200MF extends RegNetX {
  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ModelOptions = {}) {
    super(X200, options);
  }
}

/** RegNetX-400MF. */
export class RegNetX400MF extends RegNetX {
  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ModelOptions = {}) {
    super(X400, options);
  }
}

export const regNetX200MF: NetworkFamily = {
  name: "regnetx-200mf",
  listed: [{ name: "regnetx-200mf", description: "RegNetX-200MF", inputShape: [3, 224, 224], classes: 1000 }],
  ownOptions: [],
  create: (options) => new RegNetX200MF(options),
};

export const regNetX400MF: NetworkFamily = {
  name: "regnetx-400mf",
  listed: [{ name: "regnetx-400mf", description: "RegNetX-400MF", inputShape: [3, 224, 224], classes: 1000 }],
  ownOptions: [],
  create: (options) => new RegNetX400MF(options),
};
