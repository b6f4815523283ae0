import { type SampleSource, selectSamples } from "../sources/sample-source.ts";
import { type Dataset, subset } from "./dataset.ts";

/** A part of a data set: images in memory, or where they lie in files. */
export type DataPart = Dataset | SampleSource;

export function isInMemory(part: DataPart): part is Dataset {
  return "images" in part;
}

export function countSamples(part: DataPart): number {
  return isInMemory(part) ? part.labels.numel : part.labels.length;
}

/** What messages call a sample; `of` is the name of the part, where the sample has none of its own. */
export function nameSample(part: DataPart, index: number, of?: string): string {
  if (!isInMemory(part)) return part.locate(index).name;
  return of === undefined ? `image ${index}` : `${of} image ${index}`;
}

/** The samples at `indices`, in that order. Images in memory are copied. */
export function selectPart<Part extends DataPart>(part: Part, indices: Int32Array): Part {
  return (isInMemory(part) ? subset(part, indices) : selectSamples(part, indices)) as Part;
}

/** Frees what a part holds in memory. */
export function disposePart(part: DataPart): void {
  if (!isInMemory(part)) return;
  part.images.dispose();
  part.labels.dispose();
}
