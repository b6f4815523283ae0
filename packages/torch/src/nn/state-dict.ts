import { noGrad } from "../autograd.ts";
import { TorchError } from "../error.ts";
import { copyInPlace } from "../ops/in-place.ts";
import type { Tensor } from "../tensor.ts";

/** How strict a load is. */
export interface LoadOptions {
  /** Whether missing and unexpected keys are errors; true by default. Shapes must fit in any case. */
  strict?: boolean;
}

/** The keys that did not meet a counterpart. */
export interface LoadResult {
  missing: string[];
  unexpected: string[];
}

/** Copies `source` into the tensors of `target` by key; see Module.loadStateDict. */
export function loadStateDict(
  target: ReadonlyMap<string, Tensor>,
  source: ReadonlyMap<string, Tensor>,
  { strict = true }: LoadOptions,
): LoadResult {
  const given = withoutDataParallelPrefix(source);
  const missing = [...target.keys()].filter((key) => !given.has(key) && !key.endsWith("num_batches_tracked"));
  const unexpected = [...given.keys()].filter((key) => !target.has(key));
  const common = [...target].flatMap(([key, tensor]) => {
    const value = given.get(key);
    return value === undefined ? [] : [{ key, tensor, value }];
  });
  const mismatched = common
    .filter(({ tensor, value }) => !sameShape(tensor.shape, value.shape))
    .map(({ key, tensor, value }) => `${key}: expected [${tensor.shape}], got [${value.shape}]`);

  const problems = [
    ...(strict ? describe("missing keys", missing) : []),
    ...(strict ? describe("unexpected keys", unexpected) : []),
    ...describe("shapes that differ", mismatched),
  ];
  if (problems.length > 0) {
    throw new TorchError(
      `The state dict does not fit the module; nothing was loaded.\n${problems.join("\n")}`,
    );
  }
  noGrad(() => {
    for (const { tensor, value } of common) copyInPlace(tensor, value);
  });
  return { missing, unexpected };
}

/** PyTorch's DataParallel puts `module.` before every key of the files that it saves. */
function withoutDataParallelPrefix(state: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const prefix = "module.";
  const keys = [...state.keys()];
  if (keys.length === 0 || !keys.every((key) => key.startsWith(prefix))) return state;
  return new Map([...state].map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}

function describe(what: string, items: string[]): string[] {
  return items.length === 0 ? [] : [`${what} (${items.length}): ${items.join(", ")}`];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
