import { Clip, LeakyRelu, Relu, Sigmoid } from "./activation.ts";
import { Add, Mul, Sub } from "./arithmetic.ts";
import { Concat, copied, DepthToSpace, Pad, Slice, SpaceToDepth, Split, Transpose } from "./arrange.ts";
import { Conv, ConvTranspose } from "./convolution.ts";
import type { KernelOf } from "./kernel.ts";
import { Gemm } from "./matrix.ts";
import { AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool, ReduceMax } from "./pooling.ts";
import { Resize } from "./resize.ts";

/** What is computed in integers, by the operator's name. */
export const kernels: Readonly<Record<string, KernelOf>> = {
  Add,
  AveragePool,
  Clip,
  Concat,
  Conv,
  ConvTranspose,
  DepthToSpace,
  Flatten: copied,
  Gemm,
  GlobalAveragePool,
  GlobalMaxPool,
  LeakyRelu,
  MaxPool,
  Mul,
  Pad,
  ReduceMax,
  Relu,
  Reshape: copied,
  Resize,
  Sigmoid,
  Slice,
  SpaceToDepth,
  Split,
  Squeeze: copied,
  Sub,
  Transpose,
  Unsqueeze: copied,
};
