import { cifar10 } from "./cifar10.ts";
import { cifar100 } from "./cifar100.ts";
import { cityscapes } from "./cityscapes.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";
import { fashionMnist } from "./fashion-mnist.ts";
import { idx } from "./idx.ts";
import { imageFolder } from "./image-folder.ts";
import { tfrecord } from "./tfrecord.ts";
import { webDataset } from "./webdataset.ts";

/** The data sets of this package, in the order in which lists name them and a folder is compared with them. */
export const builtIn: readonly DatasetDescriptor[] = [
  fashionMnist,
  idx,
  cifar10,
  cifar100,
  cityscapes,
  webDataset,
  tfrecord,
  // After all others: any folders will do.
  imageFolder,
];
