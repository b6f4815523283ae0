/** The weights that a run begins with, from a file. */
import { statSync } from "node:fs";
import { PeaError } from "@pea/core";
import { type Module, scope, sub, sum, type Tensor, withoutWrapperPrefixes } from "@pea/torch";
import { counted } from "../common/counted.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import { type BuildVariant, type DependentWeight, dependentWeights } from "../models/data-dependent.ts";
import { type KeyLayout, keyLayouts, translateKeys } from "../models/key-layouts.ts";
import { readModelWeights } from "./checkpoint.ts";
import { wayToNetwork } from "./run-of-weights.ts";

type State = ReadonlyMap<string, Tensor>;
type Shape = readonly number[];

/**
 * Loads weights to begin a run with: a PyTorch state dict or another run's checkpoint, under the network's keys or those
 * of `keyLayouts`. What wrappers put before all keys is dropped, and `num_batches_tracked` may be missing (spec
 * networks.md 0). A head for another number of classes, or one that the file lacks, stays as it was drawn.
 *
 * @param network its name, and what builds it for other data, to find out what depends on them
 * @returns what is to be told of it, line by line
 * @throws PeaError of kind usage naming the file, and keys that are missing, unknown, of another shape or not finite; the
 * model is then as it was
 */
export function loadInitialWeights(
  path: string,
  model: Module,
  { name, build }: { name: string; build: BuildVariant },
): string[] {
  let file: State = new Map();
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new PeaError("it is a folder; the weights of a run are its checkpoints/best.safetensors");
    file = readModelWeights(path);
    const own = model.stateDict();
    const { state, layout } = underOwnKeys(file, own);
    const heads = newHeads(state, own, build);
    for (const key of heads.flatMap(({ keys }) => keys)) state.set(key, own.get(key) as Tensor);
    requireChannels(state, own, build);
    requireFinite(state);
    model.loadStateDict(state);
    return [
      `weights of ${path}${layout === undefined ? "" : `, under the keys of ${layout.name}`}`,
      ...(layout?.lacks === undefined ? [] : [`${layout.lacks}: not in the file: drawn anew`]),
      ...heads.map(({ path, why }) => `head ${path}: ${why}: drawn anew`),
      ...(layout?.remark === undefined ? [] : [layout.remark]),
    ];
  } catch (error) {
    const { message } = error as Error;
    const ways = file.size === 0 ? "" : wayOutOfMore(file, model) + wayToNetwork(path, name);
    throw new PeaError(`cannot begin with the weights of ${path}: ${message}${ways}`, {
      kind: "usage",
      cause: error,
    });
  } finally {
    for (const tensor of file.values()) tensor.dispose();
  }
}

/**
 * A file's weights under the keys of the network, and the layout in which they were if they had others: what that lacks
 * is the network's own.
 */
function underOwnKeys(file: State, own: State): { state: Map<string, Tensor>; layout?: KeyLayout } {
  const state = new Map(withoutWrapperPrefixes(file, own));
  if ([...state.keys()].some((key) => own.has(key))) return { state };
  for (const layout of keyLayouts) {
    const ownKeys = translateKeys(layout, state.keys(), own);
    if (ownKeys === null) continue;
    const translated = [...ownKeys].map(([key, ownKey]) => [ownKey, state.get(key) as Tensor] as const);
    const lacked = [...own].filter(
      ([key]) => layout.lacks !== undefined && key.startsWith(`${layout.lacks}.`),
    );
    return { layout, state: new Map([...translated, ...lacked]) };
  }
  return { state };
}

/** A last layer that stays as the network drew it. */
interface NewHead {
  path: string;
  keys: readonly string[];
  why: string;
}

/** Heads for another number of classes than the data have, and those of which the file has nothing. */
function newHeads(state: State, own: State, build: BuildVariant): NewHead[] {
  const lacks = (key: string) => !state.has(key) && !key.endsWith("num_batches_tracked");
  if (![...own.keys()].some((key) => lacks(key) || differs(key, state, own))) return [];
  const knowsAll = [...state.keys()].every((key) => own.has(key));
  const heads = byModule(dependentWeights(own, build, "class"));
  return [...heads].flatMap(([path, weights]) => {
    const keys = weights.map(({ key }) => key);
    if (knowsAll && keys.every(lacks)) return [{ path, keys, why: "not in the file" }];
    const [count, ...others] = new Set(weights.map((weight) => otherSize(weight, state, own)));
    if (count === undefined || others.length > 0) return [];
    return [{ path, keys, why: `${count} classes in the file, ${sizeOf(weights[0], own)} in the data` }];
  });
}

/** @throws PeaError of kind usage where the weights are for images of another number of channels */
function requireChannels(state: State, own: State, build: BuildVariant): void {
  if (![...own.keys()].some((key) => differs(key, state, own))) return;
  for (const weight of dependentWeights(own, build, "channel")) {
    const channels = otherSize(weight, state, own);
    if (channels === undefined) continue;
    const { key } = weight;
    const expected = sizeOf(weight, own);
    throw new PeaError(
      `${key} is for images with ${inWords(channels)}, those of the data have ${expected}${wayOut(key, channels, expected)}`,
      { kind: "usage" },
    );
  }
}

/** @throws PeaError of kind usage naming weights that a run would come to NaN with */
function requireFinite(state: State): void {
  const bad = [...state].filter(([, tensor]) => /float/.test(tensor.dtype) && !allFinite(tensor));
  if (bad.length === 0) return;
  const names = enumerate(bad.map(([key]) => key));
  throw new PeaError(`weights that are infinite or no numbers: ${names}; take another file`, {
    kind: "usage",
  });
}

/** x − x is 0 of a number and NaN of all else. */
const allFinite = (tensor: Tensor): boolean => scope(() => Number(sum(sub(tensor, tensor)).item()) === 0);

/** Where a file has all that the network has and more, as the checkpoint of a run with layers that only training has. */
function wayOutOfMore(file: State, model: Module): string {
  const own = model.stateDict();
  const hasMore = [...file.keys()].some((key) => !own.has(key));
  if (!hasMore || ![...own.keys()].every((key) => file.has(key))) return "";
  return (
    "\nwhere these are layers that a run's methods merge in the end, take the run's checkpoints/best.safetensors or, where there " +
    "is none, pea export RUN and begin with --model RUN/model.onnx"
  );
}

/** What makes of a kernel for grey images one for coloured images whose channels are alike, or the other way around. */
function wayOut(key: string, channels: number, expected: number): string {
  const kernel = `t["${key}"]`;
  if (expected === 1) return `; sum it in Python: ${kernel} = ${kernel}.sum(1, keepdim=True)`;
  if (channels === 1)
    return `; spread it in Python: ${kernel} = ${kernel}.repeat(1, ${expected}, 1, 1) / ${expected}`;
  return "";
}

const inWords = (channels: number) => counted(channels, "channel");

function byModule(weights: readonly DependentWeight[]): Map<string, [DependentWeight, ...DependentWeight[]]> {
  const modules = new Map<string, [DependentWeight, ...DependentWeight[]]>();
  for (const weight of weights) {
    const path = weight.key.slice(0, weight.key.lastIndexOf("."));
    modules.set(path, [...(modules.get(path) ?? []), weight] as [DependentWeight, ...DependentWeight[]]);
  }
  return modules;
}

/** The size in the file along the axis that depends on the data, where it and it alone is another than the network's. */
function otherSize({ key, axis }: DependentWeight, state: State, own: State): number | undefined {
  const [given, expected] = [state.get(key)?.shape ?? [], shapeOf(key, own)];
  const fits = isSame(given.toSpliced(axis, 1), expected.toSpliced(axis, 1));
  return fits && given[axis] !== expected[axis] ? given[axis] : undefined;
}

function sizeOf({ key, axis }: DependentWeight, own: State): number {
  return shapeOf(key, own)[axis] as number;
}

function shapeOf(key: string, own: State): Shape {
  return (own.get(key) as Tensor).shape;
}

function differs(key: string, state: State, own: State): boolean {
  const shape = state.get(key)?.shape;
  return shape !== undefined && !isSame(shape, shapeOf(key, own));
}

function isSame(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
