import { PeaError } from "@pea/core";
import type { Dataset } from "./dataset.ts";
import { type DataPart, isInMemory, selectPart } from "./part.ts";
import { permutation } from "./philox.ts";

/** The training part, cut in two. */
export interface Split<Part extends DataPart = Dataset> {
  readonly train: Part;
  /** For choosing the best model, so that the test part is used once. */
  readonly validation: Part;
}

/**
 * Splits samples off for validation, at random and stratified: each class gives the same share of its samples,
 * rounded. Both parts keep the order of the data set. The split depends on the labels, the share and the seed alone.
 *
 * @param options.share share of the samples for validation, between 0 and 1
 * @throws PeaError (usage) when a part would be empty
 */
export function splitDataset<Part extends DataPart>(
  part: Part,
  { share, seed }: { share: number; seed: number },
): Split<Part> {
  const labels = isInMemory(part) ? (part.labels.toTypedArray() as BigInt64Array) : part.labels;
  const isValidation = new Uint8Array(labels.length);
  const classSizes = new Map<number | bigint, number>();
  for (const label of labels) classSizes.set(label, (classSizes.get(label) ?? 0) + 1);
  const wanted = new Map(Array.from(classSizes, ([label, size]) => [label, Math.round(share * size)]));
  for (const index of permutation(labels.length, seed, "split", 0)) {
    const label = labels[index] as number | bigint;
    const missing = wanted.get(label) as number;
    if (missing <= 0) continue;
    isValidation[index] = 1;
    wanted.set(label, missing - 1);
  }
  const indices = Int32Array.from(labels.keys());
  const train = indices.filter((index) => isValidation[index] === 0);
  const validation = indices.filter((index) => isValidation[index] === 1);
  if (train.length === 0 || validation.length === 0) {
    throw new PeaError(
      `a validation share of ${share} of ${labels.length} samples leaves ${train.length} for training and ` +
        `${validation.length} for validation; choose a share between 0 and 1 that leaves some for both`,
      { kind: "usage" },
    );
  }
  return { train: selectPart(part, train), validation: selectPart(part, validation) };
}
