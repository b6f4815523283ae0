/**
 * The same elements in another place, more around them, or images of another size.
 * @module
 */
import { requirePadding, type Sides } from "../ops/padding.ts";
import { channelShuffle, pad, pixelShuffle, pixelUnshuffle } from "../ops/shape.ts";
import { type InterpolateOptions, interpolate } from "../ops/upsample.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput } from "./check-input.ts";
import { Module } from "./module.ts";

const imageBatch = ["N", "C", "H", "W"];

/** How much to add on each side of [H, W]: the same, or [left, right, top, bottom]. */
export type ImagePadding = number | Sides;

/** What the paddings of images share. */
abstract class ImagePad extends Module {
  readonly padding: readonly number[];

  constructor(padding: ImagePadding) {
    super();
    requirePadding(this.constructor.name, padding ?? null, [4], Number.NEGATIVE_INFINITY);
    this.padding = typeof padding === "number" ? new Array<number>(4).fill(padding) : padding;
  }

  override toString(): string {
    return `${this.constructor.name}(${this.padding})`;
  }
}

/** Zeros around [N, C, H, W]. */
export class ZeroPad2d extends ImagePad {
  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return pad(input, this.padding);
  }
}

/** The pixels before the edge around [N, C, H, W], as in a mirror on it. */
export class ReflectionPad2d extends ImagePad {
  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return pad(input, this.padding, { mode: "reflect" });
  }
}

/** The pixels of the edge repeated around [N, C, H, W]. */
export class ReplicationPad2d extends ImagePad {
  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return pad(input, this.padding, { mode: "replicate" });
  }
}

/** Channels of [N, C, H, W] dealt out from `groups` packs in turn. */
export class ChannelShuffle extends Module {
  constructor(readonly groups: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return channelShuffle(input, this.groups);
  }

  override toString(): string {
    return `ChannelShuffle(${this.groups})`;
  }
}

/** [N, C · f², H, W] → [N, C, H · f, W · f]: each channel's f² neighbours become pixels. */
export class PixelShuffle extends Module {
  constructor(readonly factor: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return pixelShuffle(input, this.factor);
  }

  override toString(): string {
    return `PixelShuffle(${this.factor})`;
  }
}

/** [N, C, H · f, W · f] → [N, C · f², H, W], the inverse of PixelShuffle. */
export class PixelUnshuffle extends Module {
  constructor(readonly factor: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return pixelUnshuffle(input, this.factor);
  }

  override toString(): string {
    return `PixelUnshuffle(${this.factor})`;
  }
}

/** [N, C, H, W] (or [N, C, L]) at another size. */
export class Upsample extends Module {
  constructor(readonly options: InterpolateOptions) {
    super();
    optionsOf("new Upsample({ size, scaleFactor, mode, alignCorners })", options);
  }

  forward(input: Tensor): Tensor {
    return interpolate(input, this.options);
  }

  override toString(): string {
    const { size, scaleFactor, mode = "nearest" } = this.options;
    return `Upsample(${size === undefined ? `×${scaleFactor}` : size}, ${mode})`;
  }
}
