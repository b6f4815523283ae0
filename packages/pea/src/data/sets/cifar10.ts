import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Ten classes of 32×32 colour images. */
export const cifar10: DatasetDescriptor = {
  name: "cifar10",
  title: "CIFAR-10",
  task: "classification",
  images: "in memory",
  layout: "CIFAR-10 in its binary version",
  isIn: ({ namesWithin }) => namesWithin.includes("data_batch_1.bin"),
  async open(folder) {
    const { loadCifar10 } = await import("../formats/cifar.ts");
    return loadCifar10(folder);
  },
};
