/**
 * Where each image's elements lie in a row of all images: integers that grow by as much with every image, by which PyTorch's
 * default exporter takes elements out of that row (`as_strided`).
 *
 * @module
 */
import type { FileNode } from "../file-node.ts";
import type { KnownTensor } from "../known-tensor.ts";
import { isOpen, type Length } from "../length.ts";
import type { Folder } from "./folder.ts";

/** The numbers of the images, where a `Range` counts them. */
export function countedImages(node: FileNode, known: readonly KnownTensor[]): KnownTensor | undefined {
  const [start, end, step] = known.map(({ values }) => values[0] as Length);
  if (node.operator !== "Range" || end === undefined || !isOpen(end)) return undefined;
  const isBatch = typeof end !== "number" && end.times === 1 && end.plus === 0;
  if (start !== 0 || step !== 1 || !isBatch) return node.refuse(otherUse);
  return { kind: "integer", shape: [1], values: [0], perImage: 1 };
}

/** What a folder makes of places of images: of those of the first one, and of how they grow. */
export function foldPlaces(
  node: FileNode,
  known: readonly [KnownTensor, ...KnownTensor[]],
  folder: Folder,
): KnownTensor {
  const [places, ...others] = known.toSorted((a, b) => Number(isOfImages(b)) - Number(isOfImages(a)));
  const grows = growth[node.operator]?.(node, others);
  if (places?.perImage === undefined || grows === undefined || others.some(isOfImages))
    return node.refuse(otherUse);
  const [first] = folder(
    node,
    known.map(({ perImage: _, ...plain }) => plain) as [KnownTensor, ...KnownTensor[]],
  );
  // The first axis is the images' still.
  const isInPlace = node.operator === "Unsqueeze" || first?.shape.length === places.shape.length;
  if (first === undefined || !isInPlace || first.shape[0] !== 1) return node.refuse(otherUse);
  return { ...first, perImage: places.perImage * grows };
}

export const isOfImages = ({ perImage }: KnownTensor): boolean => perImage !== undefined;

const otherUse = "it computes with the number of each image in a way that is not followed";

/** Whether a slice leaves nothing out. */
function isWhole(node: FileNode): boolean {
  const [start, end, step] = ["starts", "ends", "steps"].map((name) => node.integers(name)?.[0]);
  return start === 0 && (end ?? 0) >= 2 ** 31 - 1 && (step ?? 1) === 1;
}

/** By what the growth is multiplied; undefined where there is none after it. */
const growth: Readonly<
  Record<string, (node: FileNode, others: readonly KnownTensor[]) => number | undefined>
> = {
  Add: () => 1,
  Mul: (_, [factor]) => (factor?.values.length === 1 ? Number(factor.values[0]) : undefined),
  Unsqueeze: (node) => (node.integers("axes")?.includes(0) ? undefined : 1),
  Slice: (node) => (isWhole(node) ? 1 : undefined),
  Cast: () => 1,
  Identity: () => 1,
};
