/**
 * Copies, and passages between dtypes, devices and memory formats.
 * @module
 */
import { call } from "../call.ts";
import type { DType, MemoryFormat } from "../dtype.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** What a tensor is to become; what is left out stays as it is. */
export interface CastOptions {
  dtype?: DType;
  /** "cpu", "cuda", "cuda:1", … */
  device?: string;
  memoryFormat?: MemoryFormat;
}

/** The tensor in another dtype, on another device or in another memory format; itself if nothing changes. */
export function cast(self: Tensor, options: CastOptions): Tensor {
  const { dtype, device, memoryFormat } = optionsOf("cast(x, { dtype, device, memoryFormat })", options);
  const [layout, pinMemory, nonBlocking, copy] = [null, null, false, false];
  return call(
    "aten::to.dtype_layout",
    self,
    dtype,
    layout,
    device,
    pinMemory,
    nonBlocking,
    copy,
    memoryFormat,
  );
}

/** Copy with memory of its own, in the same memory format unless told otherwise. */
export function clone(self: Tensor, options: { memoryFormat?: MemoryFormat } = {}): Tensor {
  const { memoryFormat } = optionsOf("clone(x, { memoryFormat })", options);
  return call("aten::clone", self, memoryFormat);
}

/** The tensor laid out without gaps in the given memory format (row-major by default); itself if it is. */
export function contiguous(self: Tensor, options: { memoryFormat?: MemoryFormat } = {}): Tensor {
  const { memoryFormat } = optionsOf("contiguous(x, { memoryFormat })", options);
  return call("aten::contiguous", self, memoryFormat);
}

/** Zeros of the tensor's shape, dtype, device and memory format, each changed by an option. */
export function zerosLike(self: Tensor, options: CastOptions = {}): Tensor {
  return call(
    "aten::zeros_like",
    self,
    ...likeArguments(optionsOf("zerosLike(x, { dtype, device, memoryFormat })", options)),
  );
}

/** Ones of the tensor's shape, dtype, device and memory format, each changed by an option. */
export function onesLike(self: Tensor, options: CastOptions = {}): Tensor {
  return call(
    "aten::ones_like",
    self,
    ...likeArguments(optionsOf("onesLike(x, { dtype, device, memoryFormat })", options)),
  );
}

/** `value` in the tensor's shape, dtype, device and memory format, each changed by an option. */
export function fullLike(self: Tensor, value: number, options: CastOptions = {}): Tensor {
  return call(
    "aten::full_like",
    self,
    value,
    ...likeArguments(optionsOf("fullLike(x, value, { dtype, device, memoryFormat })", options)),
  );
}

function likeArguments({ dtype, device, memoryFormat }: CastOptions) {
  const [layout, pinMemory] = [null, null];
  return [dtype, layout, device, pinMemory, memoryFormat];
}
