/**
 * Padding as TensorFlow's SAME (spec networks.md 0).
 *
 * @module
 */
import { Conv2d, type Sides, type Tensor } from "@pea/torch";

/** A convolution which pads as TensorFlow's SAME, so that it gives ⌈size / stride⌉ outputs. */
export class SameConv2d extends Conv2d {
  protected override paddingOf(x: Tensor): Sides {
    const { kernelSize, options } = this;
    const [vertical, horizontal] = kernelSize.map((size, axis) =>
      samePadding(x.shape[axis + 2] as number, size, (options.stride ?? 1) as number),
    ) as [[number, number], [number, number]];
    return [...horizontal, ...vertical];
  }
}

/** Zeros before and after an axis. */
function samePadding(size: number, kernelSize: number, stride: number): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernelSize - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** What `sameConvolution` takes. */
export interface SameConvolutionOptions {
  stride?: number;
  groups?: number;
  bias?: boolean;
}

/** A k×k convolution, k odd, that pads as SAME: at stride 1 that is the symmetric padding, which a convolution does by itself. */
export function sameConvolution(
  inputs: number,
  outputs: number,
  kernelSize: number,
  { stride = 1, groups = 1, bias = false }: SameConvolutionOptions = {},
): Conv2d {
  if (stride > 1 && kernelSize > 1)
    return new SameConv2d(inputs, outputs, kernelSize, { stride, groups, bias });
  return new Conv2d(inputs, outputs, kernelSize, { stride, groups, bias, padding: (kernelSize - 1) / 2 });
}
