/** In which order the elements of tensors lie in memory. */
import { contiguous, type Tensor } from "@pea/torch";

/** Whether it is contiguous or in channels_last. */
export function hasMemoryFormat(x: Tensor): boolean {
  return x.isContiguous() || (x.ndim === 4 && x.isContiguous("channels_last"));
}

/** The tensor itself where it has no gaps, else a contiguous copy. */
export function dense(x: Tensor): Tensor {
  return isDense(x) ? x : contiguous(x);
}

/** Whether the elements lie in memory without gaps and repetitions, in whatever order of dimensions. */
export function isDense({ shape, strides, numel }: Tensor): boolean {
  if (numel === 0) return true;
  const byStride = shape
    .map((size, dim) => ({ size, stride: strides[dim] as number }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => a.stride - b.stride);
  let expected = 1;
  for (const { size, stride } of byStride) {
    if (stride !== expected) return false;
    expected *= size;
  }
  return true;
}
