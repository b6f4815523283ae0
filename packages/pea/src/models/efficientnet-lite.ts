/**
 * EfficientNet-Lite0 with the state-dict keys of the PyPI package efficientnet-lite-pytorch, and ReLU in place of ReLU6. It
 * pads as TensorFlow's SAME, as the original does; no block is left out in training (the original's drop connect).
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNormAct2d,
  type Conv2d,
  Dropout,
  flatten,
  init,
  Linear,
  Module,
  ModuleList,
  runInTurn,
  type Tensor,
} from "@pea/torch";
import { type ActivationOption, activationOf } from "./activation-option.ts";
import { BatchNormAdd2d, runWithResidual } from "./conv-sequence.ts";
import { pointwise, type UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import { makeDivisible } from "./make-divisible.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions } from "./options.ts";
import { sameConvolution } from "./same-conv.ts";

/** Options of `EfficientNetLite0`. */
export interface EfficientNetLite0Options extends ModelOptions, ActivationOption {
  /** Probability that the dropout before the last layer clears an element; default 0.2. */
  dropout?: number;
}

interface Stage {
  /** How much wider blocks are inside. */
  expansion: number;
  kernelSize: number;
  outputs: number;
  blocks: number;
  /** Of the first block. */
  stride: number;
}

const STAGES: readonly Stage[] = [
  { expansion: 1, kernelSize: 3, outputs: 16, blocks: 1, stride: 1 },
  { expansion: 6, kernelSize: 3, outputs: 24, blocks: 2, stride: 2 },
  { expansion: 6, kernelSize: 5, outputs: 40, blocks: 2, stride: 2 },
  { expansion: 6, kernelSize: 3, outputs: 80, blocks: 3, stride: 2 },
  { expansion: 6, kernelSize: 5, outputs: 112, blocks: 3, stride: 1 },
  { expansion: 6, kernelSize: 5, outputs: 192, blocks: 4, stride: 2 },
  { expansion: 6, kernelSize: 3, outputs: 320, blocks: 1, stride: 1 },
];

/** 1×1 to more channels, depthwise, linear 1×1 to fewer; where the shape stays, the input is added. */
class MBConvBlock extends Module {
  readonly _expand_conv: Conv2d | null;
  readonly _bn0: BatchNormAct2d | null;
  _act0: Module | null;
  readonly _depthwise_conv: Conv2d;
  readonly _bn1: BatchNormAct2d;
  _act1: Module;
  readonly _project_conv: Conv2d;
  readonly _bn2: BatchNormAdd2d;
  readonly #isResidual: boolean;

  constructor(
    inputs: number,
    outputs: number,
    { expansion, kernelSize, stride }: Pick<Stage, "expansion" | "kernelSize" | "stride">,
    { batchNorm, activation }: Required<UnitOptions>,
  ) {
    super();
    const hidden = expansion * inputs;
    const expands = expansion !== 1;
    this._expand_conv = expands ? pointwise(inputs, hidden) : null;
    this._bn0 = expands
      ? new BatchNormAct2d(hidden, { ...batchNorm, activation: () => this._act0 as Module })
      : null;
    this._act0 = expands ? activation() : null;
    this._depthwise_conv = sameConvolution(hidden, hidden, kernelSize, { stride, groups: hidden });
    this._bn1 = new BatchNormAct2d(hidden, { ...batchNorm, activation: () => this._act1 });
    this._act1 = activation();
    this._project_conv = pointwise(hidden, outputs);
    this._bn2 = new BatchNormAdd2d(outputs, batchNorm);
    this.#isResidual = stride === 1 && inputs === outputs;
  }

  /** (N, inputs, H, W) → (N, outputs, ⌈H / stride⌉, ⌈W / stride⌉). */
  override forward(x: Tensor): Tensor {
    const { _expand_conv, _bn0, _depthwise_conv, _bn1, _project_conv, _bn2 } = this;
    const layers = [_expand_conv, _bn0, _depthwise_conv, _bn1, _project_conv, _bn2].filter(
      (layer) => layer !== null,
    );
    return this.#isResidual ? runWithResidual(x, layers, x) : runInTurn(x, layers);
  }
}

/** EfficientNet-Lite0. */
export class EfficientNetLite0 extends Module {
  readonly _conv_stem: Conv2d;
  readonly _bn0: BatchNormAct2d;
  _act0: Module;
  readonly _blocks: ModuleList;
  readonly _conv_head: Conv2d;
  readonly _bn1: BatchNormAct2d;
  _act1: Module;
  readonly _dropout: Dropout;
  readonly _fc: Linear;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: EfficientNetLite0Options = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, dropout = 0.2 } = options;
    const batchNorm = batchNormOptions(options, 1e-3);
    const activation = activationOf(options);
    let channels = makeDivisible(32, width);
    this._conv_stem = sameConvolution(inputChannels, channels, 3, { stride: 2 });
    this._bn0 = new BatchNormAct2d(channels, { ...batchNorm, activation: () => this._act0 });
    this._act0 = activation();
    const blocks = STAGES.flatMap(({ outputs, blocks, stride, ...stage }) =>
      Array.from({ length: blocks }, (_, index) => {
        const inputs = channels;
        channels = makeDivisible(outputs, width);
        const settings = { ...stage, stride: index === 0 ? stride : 1 };
        return new MBConvBlock(inputs, channels, settings, { batchNorm, activation });
      }),
    );
    this._blocks = new ModuleList(blocks);
    const last = makeDivisible(1280, width);
    this._conv_head = pointwise(channels, last);
    this._bn1 = new BatchNormAct2d(last, { ...batchNorm, activation: () => this._act1 });
    this._act1 = activation();
    this._dropout = new Dropout(dropout);
    this._fc = new Linear(last, classes);
    initializeConvolutions(this, init.heNormal);
    initializeHead(this._fc);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const { _conv_stem, _bn0, _blocks, _conv_head, _bn1 } = this;
    const maps = runInTurn(x, [_conv_stem, _bn0, ..._blocks, _conv_head, _bn1]);
    const pooled = flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 });
    return this._fc.forward(this._dropout.forward(pooled));
  }
}

export const efficientNetLite0: NetworkFamily = {
  name: "efficientnet-lite0",
  listed: [
    {
      name: "efficientnet-lite0",
      description: "EfficientNet-Lite0 with ReLU",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: ["activation", "dropout"],
  create: (options) => new EfficientNetLite0(options),
};
