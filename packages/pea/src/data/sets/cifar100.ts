import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** A hundred classes of 32×32 colour images. */
export const cifar100: DatasetDescriptor = {
  name: "cifar100",
  title: "CIFAR-100",
  task: "classification",
  images: "in memory",
  layout: "CIFAR-100 in its binary version",
  isIn: ({ names }) => names.includes("train.bin") || names.includes("cifar-100-binary"),
  async open(folder) {
    const { loadCifar100 } = await import("../formats/cifar.ts");
    return loadCifar100(folder);
  },
};
