/**
 * Weights and inputs by formula, so that two implementations can be compared without sharing files
 * (spec networks.md 8).
 */
import {
  ConvTranspose2d,
  copyInPlace,
  type DType,
  type Module,
  noGrad,
  type Tensor,
  tensor,
} from "@pea/torch";

/** The hash's number in [0, 1) for tensor `t`, element `i`. */
export function goldenNumber(t: number, i: number): number {
  let h = (i + Math.imul(t, 0x9e3779b9) + 1) | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return (h >>> 0) / 2 ** 32;
}

/** Overwrites all parameters and running statistics of a model. */
export function goldenFill(model: Module): void {
  const state = model.stateDict();
  const transposed = new Set<Tensor>();
  for (const module of model.namedModules().values()) {
    if (module instanceof ConvTranspose2d) transposed.add(module.weight);
  }
  const keys = [...state.keys()].filter((key) => !key.endsWith("num_batches_tracked")).sort(compareBytes);
  for (const [t, key] of keys.entries()) {
    const target = state.get(key) as Tensor;
    fill(target, t, rangeOf(key, target.shape, transposed.has(target)));
  }
}

/** Batch of images of variance 1. */
export function goldenInput(shape: readonly number[], { dtype = "float64" }: { dtype?: DType } = {}): Tensor {
  const elements = shape.reduce((product, size) => product * size, 1);
  const values = Float64Array.from(
    { length: elements },
    (_, i) => (goldenNumber(1000, i) - 0.5) * Math.sqrt(12),
  );
  return tensor(values, { shape, dtype });
}

function fill(target: Tensor, t: number, [scale, offset]: Range): void {
  const values = new Float64Array(target.numel);
  for (let i = 0; i < values.length; i++) values[i] = scale * (goldenNumber(t, i) - 0.5) + offset;
  noGrad(() => {
    copyInPlace(target, tensor(values, { shape: target.shape }));
  });
}

/** Width and centre of a uniform distribution. */
type Range = readonly [scale: number, offset: number];

/** What a tensor is filled from. */
function rangeOf(key: string, shape: readonly number[], isTransposed: boolean): Range {
  if (key.endsWith("running_var")) return [0.5, 1];
  if (shape.length > 1) {
    const fanIn =
      shape.reduce((product, size) => product * size, 1) / (shape[isTransposed ? 1 : 0] as number);
    return [Math.sqrt(12) * Math.sqrt(2 / fanIn), 0];
  }
  return key.endsWith("weight") ? [0.2, 1] : [0.2, 0];
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
