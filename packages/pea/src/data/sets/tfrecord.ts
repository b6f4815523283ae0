import { join } from "node:path";
import { type FoundInFolder, openParts, openTestPart } from "../formats/parts-in-files.ts";
import { isTfRecordName, openTfRecords } from "../formats/tfrecord.ts";
import { listedClasses } from "../sources/class-names.ts";
import { unpackedName } from "../sources/compressed.ts";
import { viewFolder } from "../sources/folder-view.ts";
import { type FindShardsOptions, findShards } from "../sources/shards.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Examples in files of TFRecords, as ImageNet is kept. */
export const tfrecord: DatasetDescriptor = {
  name: "tfrecord",
  title: "TFRecords",
  task: "classification",
  images: "in files",
  layout: "files named like train-00000-of-01024 and validation-00000-of-00128",
  hasLabelBase: true,
  hasShards: true,
  isIn({ path, names, folders, namesWithin }) {
    // Compressed ones are named when they are opened.
    if (folders.length === 0) return names.some((name) => isTfRecordName(unpackedName(name)));
    // Parts may be folders of files; folders in these hold the images of a class each.
    const holdFolders = folders.some((name) => viewFolder(join(path, name)).folders.length > 0);
    return namesWithin.some(isTfRecordName) && !holdFolders;
  },
  open: async (folder, options) =>
    openParts(find(folder, options), { ...options, classes: listedClasses(folder) }),
  openTest: async (folder, options) => openTestPart(find(folder, options), options),
};

function find(folder: string, { onMissingShard }: FindShardsOptions): FoundInFolder<readonly string[]> {
  const found = findShards(folder, isTfRecordName, { onMissingShard });
  return { ...found, folder, dataset: tfrecord, open: openTfRecords };
}
