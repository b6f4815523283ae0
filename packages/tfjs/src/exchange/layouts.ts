/**
 * How tfjs and PyTorch lay out the weights of the same layer.
 *
 * @module
 */

/** What a weight is called there, and where its axes lie here. */
export interface Layout {
  /** PyTorch's name of the weight, below the layer's path. */
  readonly name: string;
  /** Axis i of PyTorch's weight is axis `axes[i]` of tfjs's. */
  readonly axes: readonly number[];
  /** PyTorch's shape where it is not the permuted one: axes that are one there. */
  readonly reshape?: (permuted: readonly number[]) => readonly number[];
}

const vector = (name: string): Layout => ({ name, axes: [0] });
const bias = vector("bias");

/** Depthwise kernels: [H, W, C, M] as [C·M, 1, H, W]. */
const depthwise = (name: string): Layout => ({
  name,
  axes: [2, 3, 0, 1],
  reshape: ([channels = 0, multiplier = 0, height = 0, width = 0]) => [
    channels * multiplier,
    1,
    height,
    width,
  ],
});

/** By class of layer, then by tfjs's name of the weight. */
export const layouts: Readonly<Record<string, Readonly<Record<string, Layout>>>> = {
  Dense: { kernel: { name: "weight", axes: [1, 0] }, bias },
  Conv1D: { kernel: { name: "weight", axes: [2, 1, 0] }, bias },
  Conv2D: { kernel: { name: "weight", axes: [3, 2, 0, 1] }, bias },
  Conv2DTranspose: { kernel: { name: "weight", axes: [3, 2, 0, 1] }, bias },
  DepthwiseConv2D: { depthwise_kernel: depthwise("weight"), bias },
  SeparableConv2D: {
    depthwise_kernel: depthwise("depthwise.weight"),
    pointwise_kernel: { name: "pointwise.weight", axes: [3, 2, 0, 1] },
    bias: vector("pointwise.bias"),
  },
  BatchNormalization: {
    gamma: vector("weight"),
    beta: bias,
    moving_mean: vector("running_mean"),
    moving_variance: vector("running_var"),
  },
};
