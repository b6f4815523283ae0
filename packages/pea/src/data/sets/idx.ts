import { isIdxName } from "../sources/idx.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Grey images in IDX files, as MNIST and EMNIST have them. */
export const idx: DatasetDescriptor = {
  name: "idx",
  title: "IDX files",
  task: "classification",
  images: "in memory",
  layout: "IDX files as MNIST's",
  hasLabelBase: true,
  // Digits and letters.
  flip: false,
  isIn: ({ names }) => names.some(isIdxName),
  async open(folder, { labelBase }) {
    const { loadIdxFolder } = await import("../formats/idx-folder.ts");
    return loadIdxFolder(folder, { labelBase });
  },
};
