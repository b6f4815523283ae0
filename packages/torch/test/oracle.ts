/**
 * Compares this package with Python's torch: each case gives its inputs' shapes, what Python runs and what we run.
 * Inputs come from a formula on both sides (see oracle.py). Compared are the outputs and the gradients of all
 * floating-point inputs for the loss Σ output · weights, in float32 and float64.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  add,
  backward,
  type DType,
  grad,
  type Module,
  mul,
  pow,
  scope,
  sum,
  Tensor,
  tensor,
} from "@pea/torch";

/** Largest difference allowed, relative to the largest element of the tensor. */
const tolerance = { float32: 1e-5, float64: 1e-10 };

type Precision = keyof typeof tolerance;

/** An input of standard uniform numbers, or of class numbers below `classes` (int64). */
interface InputSpec {
  shape: number[];
  classes?: number;
}

export interface OracleCase<Names extends string> {
  name: string;
  inputs: Record<Names, number[] | InputSpec>;
  /** Python statements that set `output`; or one expression, its value. */
  python: string;
  /** Both by default. */
  precisions?: readonly Precision[];
  run(inputs: Record<Names, Tensor>, dtype: DType): Tensor | Tensor[];
}

interface TensorJson {
  shape: number[];
  values: number[];
}

interface Expected {
  output: TensorJson[];
  gradients: Record<string, TensorJson>;
}

/** Makes a case; the function exists for the inference of the inputs' names. */
export function oracleCase<Names extends string>(definition: OracleCase<Names>): OracleCase<string> {
  return definition as unknown as OracleCase<string>;
}

/** Registers a test for each case and precision. Python runs once for all of them. */
export function testAgainstPython(cases: OracleCase<string>[]): void {
  const runs = (Object.keys(tolerance) as Precision[]).flatMap((dtype) =>
    cases.flatMap((definition) =>
      (definition.precisions ?? [dtype]).includes(dtype) ? [{ definition, dtype }] : [],
    ),
  );
  const expected = runPython(
    runs.map(({ definition, dtype }) => ({
      dtype,
      inputs: specsOf(definition),
      program: definition.python.includes("output =") ? definition.python : `output = ${definition.python}`,
    })),
  );
  runs.forEach(({ definition, dtype }, index) => {
    test(`${definition.name} (${dtype})`, () => scope(() => compare(definition, dtype, expected[index])));
  });
}

/** Standard uniform numbers of the given stream, as oracle.py's `standard`. */
export function standard(stream: number, shape: readonly number[], dtype: DType): Tensor {
  const values = Float64Array.from(
    { length: elements(shape) },
    (_, i) => (uniform(stream, i) - 0.5) * Math.sqrt(12),
  );
  return tensor(values, { shape, dtype });
}

/** Fills a module's state as oracle.py's `fill` does, and casts it to the dtype. */
export function fill<M extends Module>(module: M, dtype: DType): M {
  const state = [...module.stateDict()].map(([key, target], index): [string, Tensor] => {
    if (target.dtype === "int64") return [key, target];
    const values = Float64Array.from({ length: target.numel }, (_, i) => {
      const value = 0.3 * (uniform(100 + index, i) - 0.5) * Math.sqrt(12);
      return key.endsWith("running_var") ? Math.abs(value) + 0.5 : value;
    });
    return [key, tensor(values, { shape: target.shape })];
  });
  module.to({ dtype }).loadStateDict(new Map(state));
  return module;
}

/** Gradients of the sum of squared outputs with respect to the module's parameters, as oracle.py's. */
export function parameterGradients(output: Tensor, module: Module): Tensor[] {
  const parameters = module.parameters();
  if (parameters.length === 0) return [];
  return grad([sum(pow(output, 2))], parameters, { retainGraph: true }) as Tensor[];
}

function compare(definition: OracleCase<string>, dtype: Precision, expected: Expected | undefined): void {
  assert.ok(expected);
  const inputs = Object.fromEntries(
    Object.entries(specsOf(definition)).map(([name, spec], stream) => [name, makeInput(stream, spec, dtype)]),
  );
  const result = definition.run(inputs, dtype);
  const outputs = result instanceof Tensor ? [result] : result;
  assert.equal(outputs.length, expected.output.length, "number of outputs");
  for (const [i, output] of outputs.entries()) {
    assertClose(output, expected.output[i], tolerance[dtype], `output ${i}`);
  }

  const terms = outputs
    .filter((output) => output.requiresGrad)
    .map((output, i) => sum(mul(output, standard(50 + i, output.shape, output.dtype))));
  if (terms.length > 0) backward(terms.reduce((total, term) => add(total, term)));
  const gradients = Object.entries(inputs).filter(([, input]) => input.grad !== null);
  assert.deepEqual(
    gradients.map(([name]) => name),
    Object.keys(expected.gradients),
    "inputs with a gradient",
  );
  for (const [name, input] of gradients) {
    assertClose(input.grad as Tensor, expected.gradients[name], tolerance[dtype], `gradient of ${name}`);
  }
}

/** Asserts equal shapes, and values within `relative` of the largest one. */
export function assertClose(
  actual: Tensor,
  expected: TensorJson | undefined,
  relative: number,
  what: string,
): void {
  assert.ok(expected, what);
  assert.deepEqual(actual.shape, expected.shape, `shape of ${what}`);
  const values = Array.from(actual.toTypedArray() as ArrayLike<number | bigint>, Number);
  const scale = Math.max(...expected.values.map(Math.abs), Number.MIN_VALUE);
  const difference = Math.max(
    0,
    ...values.map((value, i) => Math.abs(value - (expected.values[i] ?? Number.NaN))),
  );
  assert.ok(difference <= relative * scale, `${what} differs by ${difference} of ${scale}`);
}

function runPython(
  cases: { dtype: string; inputs: Record<string, InputSpec>; program: string }[],
): Expected[] {
  const script = fileURLToPath(new URL("oracle.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync("/usr/bin/python3", [script], {
    input: JSON.stringify({ cases }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, `oracle.py failed:\n${stderr}`);
  return JSON.parse(stdout);
}

function specsOf({ inputs }: OracleCase<string>): Record<string, InputSpec> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, spec]) => [name, Array.isArray(spec) ? { shape: spec } : spec]),
  );
}

function makeInput(stream: number, { shape, classes }: InputSpec, dtype: DType): Tensor {
  if (classes === undefined) {
    const input = standard(stream, shape, dtype);
    input.requiresGrad = true;
    return input;
  }
  const values = BigInt64Array.from({ length: elements(shape) }, (_, i) =>
    BigInt(Math.floor(uniform(stream, i) * classes)),
  );
  return tensor(values, { shape });
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function uniform(stream: number, index: number): number {
  let h = (index + Math.imul(stream, 0x9e3779b9) + 1) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
