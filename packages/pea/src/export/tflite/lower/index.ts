import { activation } from "./activation.ts";
import { arithmetic } from "./arithmetic.ts";
import { Conv } from "./convolution.ts";
import { Concat, DepthToSpace, Pad, reshaped, Slice, SpaceToDepth, Split, Transpose } from "./layout.ts";
import type { Lower } from "./lowering.ts";
import { Gemm } from "./matrix.ts";
import { AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool } from "./pooling.ts";
import { Resize } from "./resize.ts";
import { ConvTranspose } from "./transposed-convolution.ts";

/** How each operator of a graph is written, by its name. */
export const lowers: Readonly<Record<string, Lower>> = {
  ...activation,
  ...arithmetic,
  AveragePool,
  Concat,
  Conv,
  ConvTranspose,
  DepthToSpace,
  Flatten: reshaped,
  Gemm,
  GlobalAveragePool,
  GlobalMaxPool,
  MaxPool,
  Pad,
  ReduceMax: GlobalMaxPool,
  Reshape: reshaped,
  Resize,
  Slice,
  SpaceToDepth,
  Split,
  Squeeze: reshaped,
  Transpose,
  Unsqueeze: reshaped,
};
