/** What computes known tensors of known tensors. */
import type { FileNode } from "../file-node.ts";
import type { Kind, KnownTensor } from "../known-tensor.ts";
import { isOpen, type Length } from "../length.ts";

/** Results of a node, of inputs which are all known. */
export type Folder = (
  node: FileNode,
  inputs: readonly [KnownTensor, ...KnownTensor[]],
) => readonly KnownTensor[];

/** A tensor of computed values; floats as float32, where no one hangs on the batch. */
export function made(
  kind: Kind,
  shape: readonly number[],
  values: readonly Length[] | Float32Array,
  key?: string,
): KnownTensor {
  if (values instanceof Float32Array)
    return { kind, shape, values: kind === "float" ? values : Array.from(values), key };
  const isPlain = kind === "float" && !values.some(isOpen);
  return { kind, shape, values: isPlain ? Float32Array.from(values as readonly number[]) : values, key };
}

/** The elements of a tensor at these places, as one of another shape. */
export function gathered(
  { kind, values, key }: KnownTensor,
  shape: readonly number[],
  places: Int32Array,
): KnownTensor {
  if (values instanceof Float32Array)
    return { kind, shape, key, values: Float32Array.from(places, (place) => values[place] as number) };
  return { kind, shape, key, values: Array.from(places, (place) => values[place] as Length) };
}
