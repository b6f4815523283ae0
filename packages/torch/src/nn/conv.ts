import { empty } from "../create.ts";
import { TorchError } from "../error.ts";
import {
  type Conv2dOptions,
  type ConvOptions,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
} from "../ops/conv.ts";
import { inFormatOf } from "../ops/format.ts";
import { requirePadding, type Sides } from "../ops/padding.ts";
import type { Pair } from "../ops/pair.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput, type ExpectedShape } from "./check-input.ts";
import { ownConv2d } from "./conv-kernel.ts";
import { activeFold } from "./fold-batch-norm.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";

/** Options of a convolution layer: those of the operator, with `bias` saying whether there is one (true). */
export type ConvLayerOptions<Size, Padding = Size> = Omit<ConvOptions<Size, Padding>, "bias"> & {
  bias?: boolean;
};

/** What the convolutions share: a weight and a bias, drawn as PyTorch draws them. */
abstract class Conv<Size, Padding = Size> extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  protected readonly expected: ExpectedShape;

  constructor(
    readonly inputChannels: number,
    readonly outputChannels: number,
    readonly kernelSize: readonly number[],
    readonly options: Readonly<ConvLayerOptions<Size, Padding>>,
    { transposed = false }: { transposed?: boolean } = {},
  ) {
    super();
    const { groups = 1, bias = true, padding } = options;
    const axes = kernelSize.length === 1 ? 1 : 2;
    requirePadding(this.constructor.name, padding, axes === 2 && !transposed ? [2, 4] : [axes]);
    if (!(groups >= 1) || inputChannels % groups !== 0 || outputChannels % groups !== 0) {
      throw new TorchError(
        `${this}: groups must divide both channel counts, got ${inputChannels} → ${outputChannels} in ${groups} groups`,
      );
    }
    this.expected = ["N", inputChannels, ...(kernelSize.length === 1 ? ["L"] : ["H", "W"])];
    const channels = transposed
      ? [inputChannels, outputChannels / groups]
      : [outputChannels, inputChannels / groups];
    this.weight = this.parameter("weight", init.layerDefault(empty([...channels, ...kernelSize])));
    const { fanIn } = init.fans(this.weight);
    this.bias = bias ? this.parameter("bias", init.layerDefault(empty([outputChannels]), { fanIn })) : null;
  }

  override toString(): string {
    const { inputChannels, outputChannels, kernelSize } = this;
    const settings = Object.entries(this.options).map(
      ([name, value]) => `, ${name}: ${JSON.stringify(value)}`,
    );
    return `${this.constructor.name}(${inputChannels}, ${outputChannels}, [${kernelSize}]${settings.join("")})`;
  }
}

/** Convolution of [N, inputChannels, L]; weight [out, in / groups, kernelSize], bias [out]. */
export class Conv1d extends Conv<number> {
  constructor(
    inputChannels: number,
    outputChannels: number,
    kernelSize: number,
    options: ConvLayerOptions<number> = {},
  ) {
    super(
      inputChannels,
      outputChannels,
      [kernelSize],
      optionsOf(
        "new Conv1d(inputChannels, outputChannels, kernelSize, { stride, padding, dilation, groups, bias })",
        options,
      ),
    );
  }

  /** [N, C, L] → [N, out, L′]. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.expected);
    return conv1d(input, this.weight, { ...this.options, bias: this.bias });
  }
}

/** Convolution of [N, inputChannels, H, W]; weight [out, in / groups, kh, kw], bias [out]. */
export class Conv2d extends Conv<Pair, Pair | Sides> {
  constructor(
    inputChannels: number,
    outputChannels: number,
    kernelSize: Pair,
    options: ConvLayerOptions<Pair, Pair | Sides> = {},
  ) {
    super(
      inputChannels,
      outputChannels,
      bothAxes(kernelSize),
      optionsOf(
        "new Conv2d(inputChannels, outputChannels, kernelSize, { stride, padding, dilation, groups, bias })",
        options,
      ),
    );
  }

  /** [N, C, H, W] → [N, out, H′, W′]. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.expected);
    const { weight, bias } = activeFold(this) ?? this;
    const options: Conv2dOptions = { ...this.options, padding: this.paddingOf(input), bias };
    return ownConv2d(input, weight, options) ?? conv2d(input, weight, options);
  }

  /** Zeros around an input [N, C, H, W]: those of the options, where a layer does not derive them from its shape. */
  protected paddingOf(_input: Tensor): Pair | Sides {
    return this.options.padding ?? 0;
  }
}

/** Transposed convolution of [N, inputChannels, L]; weight [in, out / groups, kernelSize], bias [out]. */
export class ConvTranspose1d extends Conv<number> {
  constructor(
    inputChannels: number,
    outputChannels: number,
    kernelSize: number,
    override readonly options: Readonly<ConvLayerOptions<number>> & { outputPadding?: number } = {},
  ) {
    super(
      inputChannels,
      outputChannels,
      [kernelSize],
      optionsOf(
        "new ConvTranspose1d(inputChannels, outputChannels, kernelSize, { stride, padding, outputPadding, groups, bias, dilation })",
        options,
      ),
      { transposed: true },
    );
  }

  /** [N, C, L] → [N, out, L′]. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.expected);
    return convTranspose1d(input, this.weight, { ...this.options, bias: this.bias });
  }
}

/** Transposed convolution of [N, inputChannels, H, W]; weight [in, out / groups, kh, kw], bias [out]. */
export class ConvTranspose2d extends Conv<Pair> {
  constructor(
    inputChannels: number,
    outputChannels: number,
    kernelSize: Pair,
    override readonly options: Readonly<ConvLayerOptions<Pair>> & { outputPadding?: Pair } = {},
  ) {
    super(
      inputChannels,
      outputChannels,
      bothAxes(kernelSize),
      optionsOf(
        "new ConvTranspose2d(inputChannels, outputChannels, kernelSize, { stride, padding, outputPadding, groups, bias, dilation })",
        options,
      ),
      { transposed: true },
    );
  }

  /** [N, C, H, W] → [N, out, H′, W′], in channels_last where the input is. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.expected);
    // libtorch 1.13 leaves channels_last here.
    return inFormatOf(input, convTranspose2d(input, this.weight, { ...this.options, bias: this.bias }));
  }
}

function bothAxes(size: Pair): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}
