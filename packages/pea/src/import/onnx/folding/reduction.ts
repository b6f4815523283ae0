/** Sums, means and products of known tensors. */
import { elementsOf } from "@pea/graph";
import { fixed, type Length, times } from "../length.ts";
import { type Folder, made } from "./folder.ts";
import { placesOf } from "./indices.ts";

/** Along `axes`, by default all. */
const along =
  (combine: (values: readonly Length[]) => Length): Folder =>
  (node, [x]) => {
    const rank = x.shape.length;
    const given = node.integers("axes") ?? [];
    const axes = (given.length > 0 ? given : [...x.shape.keys()]).map((axis) => node.axis(axis, rank));
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const groups = Array.from({ length: elementsOf(kept) }, (): Length[] => []);
    // The place of each element's group.
    const strides = kept.map((_, axis) => (axes.includes(axis) ? 0 : elementsOf(kept.slice(axis + 1))));
    placesOf(x.shape, strides).forEach((group, i) => {
      groups[group]?.push(x.values[i] as Length);
    });
    const shape = node.number("keepdims") === 0 ? x.shape.filter((_, axis) => !axes.includes(axis)) : kept;
    return [made(x.kind, shape, groups.map(combine))];
  };

const sum = (values: readonly Length[]): number =>
  values.reduce<number>((total, value) => total + fixed(value), 0);

export const reduction: Readonly<Record<string, Folder>> = {
  ReduceSum: along(sum),
  ReduceMean: along((values) => sum(values) / values.length),
  ReduceProd: along((values) => values.reduce(times, 1)),
  ReduceMax: along((values) => Math.max(...values.map(fixed))),
  ReduceMin: along((values) => Math.min(...values.map(fixed))),
};
