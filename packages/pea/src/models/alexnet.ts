/**
 * AlexNet with batch norm in place of local response normalization: after every convolution and the first two linear
 * layers, before the activation (spec networks.md 1).
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  BatchNorm1d,
  type BatchNormLayerOptions,
  Conv2d,
  Dropout,
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
import { ConvUnit } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of `AlexNet`. */
export interface AlexNetOptions extends ModelOptions {
  /**
   * Side of the images: 224 (the default) pads the first convolution by 2, 227 as Caffe's networks does not pad it.
   * All maps have the same size either way.
   */
  crop?: 224 | 227;
  /** Groups of the second, fourth and fifth convolution: 2 (the default) as the original, or 1. */
  groups?: 1 | 2;
  /** Whether batch norm learns a scale and a shift per channel (the default); else they stay at 1 and 0. */
  bnAffine?: boolean;
  /** Probability that the dropout before each of the first two linear layers clears an element; default 0.5. */
  dropout?: number;
}

/** Side of the maps that enter the first linear layer. */
const MAP_SIZE = 6;

/** Window 3, stride 2 and no padding. */
const pool = () => new MaxPool2d(3, { stride: 2 });

/** Convolution → BN → activation → max-pool, in this order: smooth activations are not monotone. */
class PooledConvUnit extends ConvUnit {
  readonly pool = pool();

  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.conv, this.bn, this.pool]);
  }
}

/** Dropout → linear → BN → activation. */
class LinearUnit extends Module {
  readonly dropout: Dropout;
  readonly fc: Linear;
  readonly bn: BatchNorm1d;
  act: Module = new ReLU();

  constructor(inputs: number, outputs: number, dropout: number, batchNorm: BatchNormLayerOptions) {
    super();
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(inputs, outputs, { bias: false });
    this.bn = new BatchNorm1d(outputs, batchNorm);
  }

  override forward(x: Tensor): Tensor {
    return this.act.forward(this.bn.forward(this.fc.forward(this.dropout.forward(x))));
  }
}

/** AlexNet-BN for images of 224×224 or, with `crop`, 227×227. */
export class AlexNet extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly head: Linear;
  readonly #crop: number;
  readonly #stemPadding: number;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: AlexNetOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, crop = 224, dropout = 0.5 } = options;
    this.#crop = crop;
    this.#stemPadding = choose("crop", String(crop), { 224: 2, 227: 0 });
    const groups = choose("groups", String(options.groups ?? 2), { 1: 1, 2: 2 });
    const [c1, c2, c3, c4, c5, hidden] = [96, 256, 384, 384, 256, 4096].map((count) =>
      scaleChannels(count, width),
    ) as [number, number, number, number, number, number];
    for (const count of [c1, c2, c3, c4, c5]) {
      if (count % groups === 0) continue;
      throw new PeaError(
        `width ${width} gives a layer of AlexNet-BN ${count} channels, an odd number, which 2 groups cannot share; ` +
          "choose a width in steps of 1/16, or groups 1",
        { kind: "usage" },
      );
    }
    const unit = { batchNorm: batchNormOptions(options, 1e-5) };
    const stem = { stride: 4, padding: this.#stemPadding, bias: false };
    const grouped = { groups, bias: false };
    this.features = new Sequential(
      new PooledConvUnit(new Conv2d(inputChannels, c1, 11, stem), unit),
      new PooledConvUnit(new Conv2d(c1, c2, 5, { ...grouped, padding: 2 }), unit),
      new ConvUnit(new Conv2d(c2, c3, 3, { bias: false, padding: 1 }), unit),
      new ConvUnit(new Conv2d(c3, c4, 3, { ...grouped, padding: 1 }), unit),
      new PooledConvUnit(new Conv2d(c4, c5, 3, { ...grouped, padding: 1 }), unit),
    );
    const units = [
      new LinearUnit(c5 * MAP_SIZE ** 2, hidden, dropout, unit.batchNorm),
      new LinearUnit(hidden, hidden, dropout, unit.batchNorm),
    ];
    this.classifier = new Sequential(...units);
    this.head = new Linear(hidden, classes);
    if (options.bnAffine === false) this.#freezeAffine();
    initializeConvolutions(this, init.heTruncatedNormal);
    for (const { fc } of units) init.heTruncatedNormal(fc.weight);
    initializeHead(this.head);
  }

  /**
   * (N, inputChannels, 224, 224) → logits (N, classes).
   *
   * @throws PeaError of kind usage for images of another size.
   */
  override forward(x: Tensor): Tensor {
    this.#checkSize(x);
    const maps = this.features.forward(x);
    return this.head.forward(this.classifier.forward(flatten(maps, { startDim: 1 })));
  }

  #freezeAffine(): void {
    for (const [key, parameter] of this.namedParameters()) {
      if (/\.bn\.(weight|bias)$/.test(key)) parameter.requiresGrad = false;
    }
  }

  #checkSize({ shape }: Tensor): void {
    const [height = 0, width = 0] = shape.slice(-2);
    const convolved = (size: number) => Math.floor((size + 2 * this.#stemPadding - 11) / 4) + 1;
    const pooled = (size: number) => Math.floor((size - 3) / 2) + 1;
    const mapSize = (size: number) => pooled(pooled(pooled(convolved(size))));
    if (mapSize(height) === MAP_SIZE && mapSize(width) === MAP_SIZE) return;
    throw new PeaError(
      `AlexNet-BN takes images of ${this.#crop}×${this.#crop}, not ${height}×${width}: resize them, or choose another network`,
      { kind: "usage" },
    );
  }
}

export const alexNet: NetworkFamily = {
  name: "alexnet-bn",
  listed: [
    {
      name: "alexnet-bn",
      description: "AlexNet with batch norm in place of local response normalization",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
  ],
  ownOptions: ["crop", "groups", "bnAffine", "dropout"],
  create: (options) => new AlexNet(options),
};
