import { type FoundInFolder, openParts, openTestPart } from "../formats/parts-in-files.ts";
import { isTarName, openWebDataset } from "../formats/webdataset.ts";
import { listedClasses } from "../sources/class-names.ts";
import { unpackedName } from "../sources/compressed.ts";
import { type FindShardsOptions, findShards } from "../sources/shards.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Samples in tar archives, as WebDataset keeps them. */
export const webDataset: DatasetDescriptor = {
  name: "webdataset",
  title: "WebDataset",
  task: "classification",
  images: "in files",
  layout: "files named like train-000000.tar and val-000000.tar",
  hasLabelBase: true,
  hasShards: true,
  isIn({ names, folders, namesWithin }) {
    // Compressed ones are named when they are opened.
    if (folders.length === 0) return names.some((name) => isTarName(unpackedName(name)));
    return namesWithin.some(isTarName);
  },
  open: async (folder, options) =>
    openParts(find(folder, options), { ...options, classes: listedClasses(folder) }),
  openTest: async (folder, options) => openTestPart(find(folder, options), options),
};

function find(folder: string, { onMissingShard }: FindShardsOptions): FoundInFolder<readonly string[]> {
  const found = findShards(folder, isTarName, { onMissingShard });
  return { ...found, folder, dataset: webDataset, open: openWebDataset };
}
