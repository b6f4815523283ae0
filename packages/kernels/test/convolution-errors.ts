/** How far a convolution is from float64, beside libtorch's own in float32. */
import assert from "node:assert/strict";
import { cast, clone, grad, type Tensor } from "@pea/torch";

export interface Operands {
  x: Tensor;
  weight: Tensor;
  bias?: Tensor;
}

export type Convolve = (x: Tensor, weight: Tensor, bias?: Tensor) => Tensor;

/** The result and all gradients, for a given gradient of the result. */
export function resultAndGradients(
  convolve: Convolve,
  { x, weight, bias }: Operands,
  direction: Tensor,
): Tensor[] {
  const leaves = [x, weight, bias].filter((tensor) => tensor !== undefined).map((tensor) => clone(tensor));
  for (const leaf of leaves) leaf.requiresGrad = true;
  const [ownX, ownWeight, ownBias] = leaves as [Tensor, Tensor, Tensor?];
  const y = convolve(ownX, ownWeight, ownBias);
  return [y, ...(grad([y], leaves, { gradients: [direction] }) as Tensor[])];
}

/** The same in bfloat16, with parameters of float32, by a convolution whose operands are of one dtype. */
function inBFloat16(convolve: Convolve): Convolve {
  const narrow = (tensor: Tensor) => cast(tensor, { dtype: "bfloat16" });
  return (x, weight, bias) =>
    x.dtype === "bfloat16" ? convolve(x, narrow(weight), bias && narrow(bias)) : convolve(x, weight, bias);
}

/** Operands whose values bfloat16 has: images are of that dtype, parameters of float32. */
export function bfloat16Operands({ x, weight, bias }: Operands): Operands {
  const rounded = (tensor: Tensor) => cast(cast(tensor, { dtype: "bfloat16" }), { dtype: "float32" });
  return {
    x: cast(x, { dtype: "bfloat16" }),
    weight: rounded(weight),
    ...(bias && { bias: rounded(bias) }),
  };
}

export interface Comparison {
  operands: Operands;
  direction: Tensor;
  factor: number;
  /** What errors may be beyond that, where libtorch's are about nothing; default 1e-7. */
  slack?: number;
  name: string;
}

/** assertAsExact in bfloat16, of what the values are there. */
export function assertAsExactInBFloat16(
  own: Convolve,
  theirs: Convolve,
  { operands, direction, factor, name }: Comparison,
): void {
  assertAsExact(own, inBFloat16(theirs), {
    operands: bfloat16Operands(operands),
    direction: cast(direction, { dtype: "bfloat16" }),
    factor,
    name: `${name}, bfloat16`,
  });
}

/** The errors of the result and of each gradient are at most `factor` times those of libtorch's convolution in the dtype of x. */
export function assertAsExact(
  own: Convolve,
  theirs: Convolve,
  { operands, direction, factor, slack = 1e-7, name }: Comparison,
): void {
  const exact = resultAndGradients(theirs, double(operands), cast(direction, { dtype: "float64" }));
  const direct = resultAndGradients(theirs, operands, direction);
  for (const [i, result] of resultAndGradients(own, operands, direction).entries()) {
    const error = difference(result, exact[i] as Tensor);
    const usual = difference(direct[i] as Tensor, exact[i] as Tensor);
    assert.ok(
      error < factor * usual + slack,
      `${name}: ${["y", "dx", "dw", "db"][i]} is off by ${error}, not ${usual}`,
    );
  }
}

/** Root of the mean square of the difference, relative to that of `expected`. */
function difference(actual: Tensor, expected: Tensor): number {
  assert.deepEqual(actual.shape, expected.shape);
  const [a, b] = [actual, expected].map(
    (tensor) => cast(tensor, { dtype: "float64" }).toTypedArray() as Float64Array,
  ) as [Float64Array, Float64Array];
  let error = 0;
  let square = 0;
  for (const [i, value] of b.entries()) {
    error += ((a[i] as number) - value) ** 2;
    square += value ** 2;
  }
  return Math.sqrt(error / square);
}

function double({ x, weight, bias }: Operands): Operands {
  const cast64 = (tensor: Tensor) => cast(tensor, { dtype: "float64" });
  return { x: cast64(x), weight: cast64(weight), ...(bias && { bias: cast64(bias) }) };
}
