/**
 * ERFNet as a classifier and for segmentation, with the state-dict keys of its authors (spec networks.md 5).
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  adaptiveAvgPool2d,
  type BatchNormLayerOptions,
  Conv2d,
  ConvTranspose2d,
  flatten,
  init,
  Linear,
  type LoadOptions,
  type LoadResult,
  MaxPool2d,
  Module,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { Down, NonBottleneck1D, Up } from "./erfnet-blocks.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of both ERFNets. */
interface ErfNetOptions extends ModelOptions {
  /**
   * Kernels from He's truncated normal by fan-in, biases 0 (the default), or all weights as PyTorch's layers draw them,
   * as the authors; spec networks.md 5.6.
   */
  init?: "he-truncated" | "torch-default";
}

/** Options of `ErfNetClassifier`. */
export interface ErfNetClassifierOptions extends ErfNetOptions {
  /** Probability that the dropout of each residual block clears a channel; default 0.1. */
  dropout?: number;
  /** A 2×2 max-pool before the global average, as the authors' classifier; default false. */
  extraMaxPool?: boolean;
}

/** Options of `ErfNetSegmentation`. */
export interface ErfNetSegmentationOptions extends ErfNetOptions {
  /**
   * Probabilities that the dropout of the residual blocks clears a channel: of the encoder at a quarter and at an eighth
   * of the resolution, and of the decoder; default [0.03, 0.3, 0].
   */
  dropout?: readonly [quarter: number, eighth: number, decoder: number];
  /** The 1×1 convolution that trained the authors' encoder alone; `forward` does not use it; default false. */
  encoderHead?: boolean;
}

/** Channels of the maps at a half, a quarter and an eighth of the resolution. */
type Channels = readonly [half: number, quarter: number, eighth: number];

/**
 * @throws PeaError of kind usage unless there are more at each resolution than before it: a downsampling block keeps
 *   those it is given and adds to them
 */
function channelsOf({ inputChannels = 3, width = 1 }: ErfNetOptions): Channels {
  const channels = [16, 64, 128].map((count) => scaleChannels(count, width)) as [number, number, number];
  const [half, quarter, eighth] = channels;
  if (quarter <= half || eighth <= quarter)
    throw usage(
      `width is ${width}, at which ERFNet would have ${half}, ${quarter} and ${eighth} channels at a half, a quarter and ` +
        "an eighth of the resolution, but there must be more at each: choose a larger width",
    );
  if (half <= inputChannels)
    throw usage(
      `inputChannels is ${inputChannels}, but at width ${width} ERFNet has ${half} channels at half the resolution and ` +
        "takes images with fewer: choose a larger width or fewer inputChannels",
    );
  return channels;
}

interface EncoderOptions {
  inputs: number;
  channels: Channels;
  dropout: readonly [quarter: number, eighth: number];
  batchNorm: BatchNormLayerOptions;
  /** Outputs of the head, if there is one. */
  headOutputs?: number;
}

/** Three downsampling blocks, and 5 and 8 residual blocks behind the second and the third. */
class Encoder extends Module {
  readonly #inputs: number;
  readonly initial_block: Down;
  readonly layers: Sequential;
  readonly output_conv: Conv2d | null;

  constructor({
    inputs,
    channels: [half, quarter, eighth],
    dropout,
    batchNorm,
    headOutputs,
  }: EncoderOptions) {
    super();
    this.#inputs = inputs;
    const residual = (channels: number, dilation: number, p: number) =>
      new NonBottleneck1D(channels, { dilation, dropout: p, batchNorm });
    this.initial_block = new Down(inputs, half, batchNorm);
    this.layers = new Sequential(
      new Down(half, quarter, batchNorm),
      ...Array.from({ length: 5 }, () => residual(quarter, 1, dropout[0])),
      new Down(quarter, eighth, batchNorm),
      ...[2, 4, 8, 16, 2, 4, 8, 16].map((dilation) => residual(eighth, dilation, dropout[1])),
    );
    this.output_conv = headOutputs === undefined ? null : new Conv2d(eighth, headOutputs, 1);
  }

  /**
   * (N, inputs, H, W) → (N, eighth, H / 8, W / 8).
   *
   * @throws PeaError of kind usage for images of another number of channels, or whose height or width is no multiple of 8
   */
  override forward(x: Tensor): Tensor {
    const [, channels, height = 0, width = 0] = x.shape;
    if (x.ndim !== 4 || channels !== this.#inputs)
      throw usage(
        `this ERFNet takes images [N, ${this.#inputs}, H, W], not [${x.shape.join(", ")}]: build it with inputChannels ` +
          "set to the channels of the images, or give it a batch of images with as many as it takes",
      );
    if (height % 8 !== 0 || width % 8 !== 0)
      throw usage(
        `ERFNet takes images whose height and width are multiples of 8, not ${height}×${width}: resize or pad them`,
      );
    return runInTurn(x, [this.initial_block, this.layers]);
  }
}

/** Two upsampling blocks with two residual blocks behind each, then a transposed convolution to the full resolution. */
class Decoder extends Module {
  readonly layers: Sequential;
  readonly output_conv: ConvTranspose2d;

  constructor(
    [half, quarter, eighth]: Channels,
    classes: number,
    dropout: number,
    batchNorm: BatchNormLayerOptions,
  ) {
    super();
    const residual = (channels: number) => new NonBottleneck1D(channels, { dilation: 1, dropout, batchNorm });
    this.layers = new Sequential(
      new Up(eighth, quarter, batchNorm),
      residual(quarter),
      residual(quarter),
      new Up(quarter, half, batchNorm),
      residual(half),
      residual(half),
    );
    this.output_conv = new ConvTranspose2d(half, classes, 2, { stride: 2 });
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.layers, this.output_conv]);
  }
}

/** Encoder → global average: the authors' name for what comes before the last layer. */
class Features extends Module {
  readonly encoder: Encoder;
  readonly pool: MaxPool2d | null;

  constructor(encoder: Encoder, extraMaxPool: boolean) {
    super();
    this.encoder = encoder;
    this.pool = extraMaxPool ? new MaxPool2d(2) : null;
  }

  override forward(x: Tensor): Tensor {
    const maps = this.encoder.forward(x);
    return flatten(adaptiveAvgPool2d(this.pool?.forward(maps) ?? maps, 1), { startDim: 1 });
  }
}

/** The authors' name for the last layer. */
class Classifier extends Module {
  readonly linear: Linear;

  constructor(inputs: number, classes: number) {
    super();
    this.linear = new Linear(inputs, classes);
  }

  override forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

/** ERFNet's encoder with global average pooling and one linear layer. */
export class ErfNetClassifier extends Module {
  readonly features: Features;
  readonly classifier: Classifier;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ErfNetClassifierOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, dropout = 0.1, extraMaxPool = false } = options;
    const channels = channelsOf(options);
    const encoder = new Encoder({
      inputs: inputChannels,
      channels,
      dropout: [dropout, dropout],
      batchNorm: batchNormOptions(options, 1e-3),
    });
    this.features = new Features(encoder, extraMaxPool);
    this.classifier = new Classifier(channels[2], classes);
    if (drawsHe(options)) {
      initializeConvolutions(this, init.heTruncatedNormal);
      initializeHead(this.classifier.linear);
    }
  }

  /** (N, inputChannels, H, W), H and W multiples of 8 → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

/** ERFNet's encoder and decoder. */
export class ErfNetSegmentation extends Module {
  readonly encoder: Encoder;
  readonly decoder: Decoder;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: ErfNetSegmentationOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 19, encoderHead = false } = options;
    const [quarter, eighth, decoder] = checkDropout(options.dropout ?? [0.03, 0.3, 0]);
    const batchNorm = batchNormOptions(options, 1e-3);
    const channels = channelsOf(options);
    this.encoder = new Encoder({
      inputs: inputChannels,
      channels,
      dropout: [quarter, eighth],
      batchNorm,
      headOutputs: encoderHead ? classes : undefined,
    });
    this.decoder = new Decoder(channels, classes, decoder, batchNorm);
    if (drawsHe(options)) {
      initializeConvolutions(this, init.heTruncatedNormal);
      initializeTransposedConvolutions(this);
    }
  }

  /** (N, inputChannels, H, W), H and W multiples of 8 → logits of each pixel (N, classes, H, W). */
  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.encoder, this.decoder]);
  }

  /** As every module; of the authors' files the encoder's head, `encoder.output_conv`, is left out where there is none. */
  override loadStateDict(state: ReadonlyMap<string, Tensor>, options?: LoadOptions): LoadResult {
    const isHead = (key: string) => /(^|\.)encoder\.output_conv\.(weight|bias)$/.test(key);
    const taken = this.encoder.output_conv === null ? [...state].filter(([key]) => !isHead(key)) : state;
    return super.loadStateDict(new Map(taken), options);
  }
}

function checkDropout(dropout: readonly number[]): [number, number, number] {
  if (!Array.isArray(dropout) || dropout.length !== 3)
    throw usage(
      `dropout of ERFNet for segmentation must be three probabilities: of the encoder at a quarter and at an eighth of ` +
        `the resolution, and of the decoder; not ${JSON.stringify(dropout)}`,
    );
  return dropout as [number, number, number];
}

function drawsHe({ init = "he-truncated" }: ErfNetOptions): boolean {
  return choose("init", init, { "he-truncated": true, "torch-default": false });
}

/** An output pixel of a transposed convolution gets inputs · k² / stride² contributions in the mean; stride is 2. */
function initializeTransposedConvolutions(model: Module): void {
  for (const module of model.namedModules().values()) {
    if (!(module instanceof ConvTranspose2d)) continue;
    const [inputs, , height, width] = module.weight.shape as [number, number, number, number];
    init.heTruncatedNormal(module.weight, { fanIn: (inputs * height * width) / 4 });
    if (module.bias !== null) init.zeros(module.bias);
  }
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });

export const erfNetClassifier: NetworkFamily = {
  name: "erfnet",
  listed: [
    {
      name: "erfnet",
      description: "ERFNet as a classifier: its encoder, global average and a linear layer",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: ["init", "dropout", "extraMaxPool"],
  create: (options) => new ErfNetClassifier(options),
};

export const erfNetSegmentation: NetworkFamily = {
  name: "erfnet-segmentation",
  listed: [
    {
      name: "erfnet-segmentation",
      description: "ERFNet for segmentation: a class for each pixel",
      inputShape: [3, 256, 512],
      classes: 19,
    },
  ],
  ownOptions: ["init", "dropout", "encoderHead"],
  create: (options) => new ErfNetSegmentation(options),
};
