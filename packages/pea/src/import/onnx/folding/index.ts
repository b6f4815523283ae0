/**
 * What a file computes without an image: shape arithmetic, with the batch left open, and numbers made of its weights.
 *
 * @module
 */
import { elementsOf, isOpen } from "@pea/graph";
import type { FileNode } from "../file-node.ts";
import type { KnownTensor } from "../known-tensor.ts";
import { lengthOf, times } from "../length.ts";
import { castLikeComputed, elementwise } from "./elementwise.ts";
import { type Folder, made } from "./folder.ts";
import { countedImages, foldPlaces, isOfImages } from "./image-places.ts";
import { layout, shapeOf } from "./layout.ts";
import { normalization } from "./normalization.ts";
import { reduction } from "./reduction.ts";

const folders: ReadonlyMap<string, Folder> = new Map(
  Object.entries({ ...elementwise, ...layout, ...normalization, ...reduction }),
);

/** The operators that are computed where all that they read is known. */
export const foldedOperators: readonly string[] = [...folders.keys()];

/** Results of a node that hang on no image; undefined where they do. */
export function fold(node: FileNode): readonly KnownTensor[] | undefined {
  if (node.operator === "Constant") return [constant(node)];
  const known = node.allKnown;
  const folder = folders.get(node.operator);
  if (known !== undefined && folder !== undefined) {
    const images = countedImages(node, known);
    if (images !== undefined) return [images];
    const inputs = known as [KnownTensor];
    return known.some(isOfImages) ? [foldPlaces(node, inputs, folder)] : folder(node, inputs);
  }
  return ofShapes.get(node.operator)?.(node);
}

/** Of the shape alone of what the network computes. */
const ofShapes: ReadonlyMap<string, (node: FileNode) => readonly KnownTensor[] | undefined> = new Map([
  ["Shape", (node: FileNode) => [shapeOf(node, node.shape(0).map(lengthOf))]],
  [
    "Size",
    (node: FileNode) => {
      const count = elementsOf(node.shape(0));
      return [made("integer", [], [node.shape(0).some(isOpen) ? times(lengthOf("batch"), count) : count])];
    },
  ],
  [
    "CastLike",
    (node: FileNode) => {
      const known = node.known(0);
      return known === undefined ? undefined : [castLikeComputed(known)];
    },
  ],
]);

/** A `Constant` node's value, in whichever of its attributes. */
function constant(node: FileNode): KnownTensor {
  const value = node.tensor("value");
  if (value !== undefined) return { ...value, key: value.key || node.outputs[0] };
  const [name = ""] = node.attributeNames;
  const isList = name.endsWith("s");
  const numbers = name.startsWith("value_int")
    ? node.integers(name)
    : name.startsWith("value_float")
      ? isList
        ? node.floats(name)
        : [node.number(name) ?? 0]
      : undefined;
  if (numbers === undefined)
    return node.refuse(`it holds its value as ${name || "nothing"}, which no weight is`);
  return made(name.startsWith("value_int") ? "integer" : "float", isList ? [numbers.length] : [], numbers);
}
