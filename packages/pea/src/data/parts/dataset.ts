import { indexSelect, type Tensor, tensor } from "@pea/torch";

/** Labelled images, whole in memory. */
export interface Dataset {
  /** uint8 [N, C, H, W], 0 to 255. */
  readonly images: Tensor;
  /** int64 [N], indices into `classes`. */
  readonly labels: Tensor;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
}

/** A data set as it is published: the test part is for the final number alone. */
export interface DatasetParts {
  readonly train: Dataset;
  readonly test: Dataset;
  /** What to tell of them. */
  readonly notes?: readonly string[];
}

/** Copies the samples at `indices`, in that order, to a data set of their own. */
export function subset({ images, labels, classes }: Dataset, indices: Int32Array): Dataset {
  using rows = tensor(indices);
  return {
    images: indexSelect(images, 0, rows),
    labels: indexSelect(labels, 0, rows),
    classes,
  };
}
