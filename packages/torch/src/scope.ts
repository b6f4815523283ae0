import { native } from "./binding.ts";
import { TorchError } from "./error.ts";

/** What scopes free: tensors. */
export interface Scoped {
  /** Set by `keep`: no scope frees it. */
  kept: boolean;
  dispose(): void;
}

let current: Set<Scoped> | undefined;

/** Called by every new tensor: it belongs to the innermost running scope, if there is one. */
export function track(tensor: Scoped): void {
  current?.add(tensor);
}

/**
 * Takes tensors out of the running scopes, so that they live until disposed of (or collected).
 * Use it for what outlives a step: parameters, buffers, optimizer state.
 *
 * @returns the tensor given
 */
export function keep<T extends Scoped>(tensor: T): T {
  tensor.kept = true;
  return tensor;
}

function forEachTensorIn(value: unknown, depth: number, visit: (tensor: Scoped) => void): void {
  if (value === null || typeof value !== "object") return;
  if (isTensor(value)) {
    visit(value);
    return;
  }
  if (depth === 0) return;
  const items = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
  for (const item of items) forEachTensorIn(item, depth - 1, visit);
}

function isTensor(value: object): value is Scoped {
  return "kept" in value && "dispose" in value;
}

/**
 * Runs `body` and frees every tensor made inside it that it does not return, now rather than whenever the garbage
 * collector comes, which is never before the event loop turns. Returned are: a Tensor, or the tensors in a returned
 * array, Map, Set or object (two levels deep); in a nested scope they pass to the outer one. Exceptions free everything.
 *
 * @example
 * const loss = scope(() => crossEntropyLoss(model.forward(x), y));
 * @throws TorchError when body is async: the scope would end before its work
 */
export function scope<T>(body: () => T): T {
  const outer = current;
  const inner = new Set<Scoped>();
  current = inner;
  if (outer === undefined) native.setInScope(true);
  try {
    const result = body();
    if (result instanceof Promise) {
      // Its work meets tensors that are freed, and nobody is told of what it then throws.
      result.catch(() => {});
      throw new TorchError(
        "scope() takes a synchronous function; await outside of it, or dispose of tensors by hand",
      );
    }
    forEachTensorIn(result, 2, (tensor) => {
      if (inner.delete(tensor)) outer?.add(tensor);
    });
    return result;
  } finally {
    current = outer;
    for (const tensor of inner) if (!tensor.kept) tensor.dispose();
    if (outer === undefined) native.setInScope(false);
  }
}

/** Where native memory is. */
export interface MemoryStats {
  /** Tensors alive, in this process. */
  tensors: number;
  /** Bytes of storage that these tensors own as seen from JavaScript (views own none; autograd's are not counted). */
  bytes: number;
  /** Bytes of large blocks that libtorch holds, for JavaScript or for backward(). */
  inUse: number;
  /** Bytes of blocks kept for reuse; `emptyCache` gives them back. */
  cached: number;
}

export function memoryStats(): MemoryStats {
  const [tensors, bytes, inUse, cached] = native.memoryStats();
  return { tensors, bytes, inUse, cached };
}

/** Gives the memory that is kept for reuse back to the system; the next steps will be slower until it is refilled. */
export function emptyCache(): void {
  native.emptyCache();
}
