import type { DatasetParts } from "../parts/dataset.ts";
import type { LabelBase } from "../sources/label.ts";
import { loadCifar10, loadCifar100 } from "./cifar.ts";
import type { InMemoryName } from "./data-names.ts";
import { loadFashionMnist } from "./fashion-mnist.ts";
import { loadIdxFolder } from "./idx-folder.ts";

/**
 * Reads a data set of small images, both parts whole.
 *
 * @param folder where its files lie; only Fashion-MNIST has a place of its own
 * @param options.labelBase the label of the first class in IDX files
 * @throws PeaError (usage) when the folder or a file is missing; PeaError naming the file that is damaged
 */
export function openInMemory(
  name: InMemoryName,
  folder?: string,
  options: { labelBase?: LabelBase } = {},
): DatasetParts {
  if (name === "fashion-mnist") return loadFashionMnist({ dir: folder });
  const load = { idx: loadIdxFolder, cifar10: loadCifar10, cifar100: loadCifar100 }[name];
  return load(folder ?? ".", options);
}
