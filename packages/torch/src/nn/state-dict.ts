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

/** Tensors by key. */
type State = ReadonlyMap<string, Tensor>;

/** Copies `source` into the tensors of `target` by key; see Module.loadStateDict. */
export function loadStateDict(target: State, source: State, { strict = true }: LoadOptions): LoadResult {
  const given = withoutWrapperPrefixes(source, target);
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
    ...(strict ? describePrefix(missing, unexpected) : []),
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

/** What stands before every key where a network was wrapped: by DataParallel, by trainers, by torch.compile. */
const wrapperPrefixes = ["module.", "model.", "_orig_mod."];

/**
 * The state without what wrappers, one in another, put before all of its keys: as many of them are taken off as make
 * most keys fit, since a module may have such names itself.
 */
export function withoutWrapperPrefixes(source: State, target: State): State {
  const fitting = (state: State) => [...state.keys()].filter((key) => target.has(key)).length;
  let best = source;
  for (let inner = unwrapped(source); inner !== undefined; inner = unwrapped(inner))
    if (fitting(inner) > fitting(best)) best = inner;
  return best;
}

/** The state without the one prefix of a wrapper that all of its keys begin with. */
function unwrapped(state: State): State | undefined {
  const keys = [...state.keys()];
  const prefix = wrapperPrefixes.find((wrapper) => keys.every((key) => key.startsWith(wrapper)));
  if (keys.length === 0 || prefix === undefined) return undefined;
  return new Map([...state].map(([key, tensor]) => [key.slice(prefix.length), tensor]));
}

/** Keys that a message names; there may be hundreds. */
const NAMED = 5;

function describe(what: string, items: string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > NAMED ? `, … and ${items.length - NAMED} more` : "";
  return [`${what} (${items.length}): ${items.slice(0, NAMED).join(", ")}${more}`];
}

/** What stands before the keys that keeps most of them from fitting, or is lacking there. */
function describePrefix(missing: string[], unexpected: string[]): string[] {
  return [
    ...prefixOf(unexpected, missing).map((prefix) => `most keys would fit without "${prefix}" before them`),
    ...prefixOf(missing, unexpected).map((prefix) => `most keys would fit with "${prefix}" before them`),
  ];
}

/** The prefix by which more than half of `short` become some of `long`, if there is one. */
function prefixOf(long: string[], short: string[]): string[] {
  const counts = new Map<string, number>();
  const wanted = new Set(short);
  for (const key of long)
    for (let dot = key.indexOf("."); dot !== -1; dot = key.indexOf(".", dot + 1))
      if (wanted.has(key.slice(dot + 1))) {
        const prefix = key.slice(0, dot + 1);
        counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
      }
  return [...counts].filter(([, count]) => count > short.length / 2).map(([prefix]) => prefix);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
