import { fashionMnistPackage } from "../formats/fashion-mnist-package.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Ten kinds of clothes, 28×28 grey. A folder with its files is taken for `idx`, since MNIST's are named alike. */
export const fashionMnist: DatasetDescriptor = {
  name: "fashion-mnist",
  title: "Fashion-MNIST",
  task: "classification",
  images: "in memory",
  layout: "the four IDX files of Fashion-MNIST",
  defaultFolder: fashionMnistPackage,
  async open(folder) {
    const { loadFashionMnist } = await import("../formats/fashion-mnist.ts");
    return loadFashionMnist({ dir: folder });
  },
};
