import { type Handle, native } from "./binding.ts";
import { TorchError } from "./error.ts";
import { forgetOutlines, rethrow, Tensor, wrap } from "./tensor.ts";

/** What can be passed to an operator. Dtypes, devices and memory formats are strings; null is None. */
export type Value = Tensor | number | bigint | boolean | string | null | undefined | readonly Value[];

/** What an operator can return: several results come as an array. */
export type Result = Tensor | number | bigint | boolean | string | null | undefined | Result[];

/** One operator as it passed the door. */
export interface Call {
  name: string;
  args: readonly Value[];
  result: Result;
}

/** Operators that make a tensor one of another shape, dtype or device, besides those with a tensor for their result. */
const REPLACING: ReadonlySet<string> = new Set(
  [
    ...["set_data", "set_", "resize_", "resize_as_", "as_strided_"],
    ...["t_", "transpose_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_"],
  ].map((name) => `aten::${name}`),
);

/** In a schema, before what is returned: a keyword's tensor is written to, and gets the result's shape. */
const TAKES_RESULT = /\*, .*Tensor\(\w+!\).* -> /;

interface Operator {
  id: number;
  isReplacing: boolean;
}

const operators = new Map<string, Operator>();
let listener: ((call: Call) => void) | undefined;

function operatorOf(name: string): Operator {
  const known = operators.get(name);
  if (known !== undefined) return known;
  const id = rethrow(name, () => native.resolve(name));
  const isReplacing = REPLACING.has(name.replace(/\..*/, "")) || TAKES_RESULT.test(native.schema(name));
  const operator = { id, isReplacing };
  operators.set(name, operator);
  return operator;
}

function unwrap(value: Value): unknown {
  if (value instanceof Tensor) return Tensor.handleOf(value);
  if (Array.isArray(value)) return value.map(unwrap);
  return value;
}

function rewrap(value: unknown): Result {
  if (typeof value !== "object" || value === null) return value as Result;
  if (Array.isArray(value)) return value.map(rewrap);
  return wrap(value as Handle);
}

/**
 * The one door to libtorch: calls any operator by its name in the dispatcher. An overload is named after a dot;
 * trailing arguments left out take the schema's defaults; a number stands for all elements of an `int[2]`.
 *
 * The arguments' types are checked against the schema, their meaning is left to libtorch. Some of its low-level
 * operators, such as `aten::native_batch_norm`, do not check shapes themselves: a wrong one can end the process. The
 * typed operators (`batchNorm`, `conv2d`, …) are the checked ones.
 *
 * @example
 * call("aten::conv2d", x, weight, bias, [1, 1], 1);
 * call("aten::sum.dim_IntList", x, [0], false);
 * @returns a Tensor, or what the schema says; several results as an array
 * @throws TorchError naming the operator, the shapes given and what is wrong
 */
export function call<T extends Result = Tensor>(name: string, ...args: Value[]): T {
  const { id, isReplacing } = operatorOf(name);
  let result: Result;
  try {
    result = rewrap(native.call(id, ...args.map(unwrap)));
  } catch (error) {
    throw asTorchError(name, error);
  } finally {
    if (isReplacing) forgetOutlines();
  }
  listener?.({ name, args, result });
  return result as T;
}

function asTorchError(name: string, error: unknown): Error {
  return error instanceof TorchError
    ? new TorchError(`${name}: ${error.message}`)
    : new TorchError((error as Error).message);
}

/** The signature of an operator, as libtorch prints it. */
export function schema(name: string): string {
  return rethrow(name, () => native.schema(name));
}

/**
 * Runs `body` and tells `onCall` of every operator it calls, in order: the way a model is traced for export.
 * Recording cannot be nested; operators that libtorch calls by itself (in backward, say) do not pass the door.
 */
export function recordCalls<T>(onCall: (call: Call) => void, body: () => T): T {
  if (listener !== undefined) throw new TorchError("recordCalls() is already running; it cannot be nested");
  listener = onCall;
  try {
    return body();
  } finally {
    listener = undefined;
  }
}

/** Whether `recordCalls` is running. */
export function isRecording(): boolean {
  return listener !== undefined;
}
