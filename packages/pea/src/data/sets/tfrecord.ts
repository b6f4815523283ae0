import { join } from "node:path";
import { openParts } from "../formats/parts-in-files.ts";
import { isTfRecordName, openTfRecords } from "../formats/tfrecord.ts";
import { listedClasses } from "../sources/class-names.ts";
import { unpackedName } from "../sources/compressed.ts";
import { viewFolder } from "../sources/folder-view.ts";
import { findShards } from "../sources/shards.ts";
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
  open: (folder, { onMissingShard, ...options }) =>
    openParts(findShards(folder, isTfRecordName, { onMissingShard }), {
      ...options,
      folder,
      dataset: tfrecord,
      classes: listedClasses(folder),
      open: openTfRecords,
    }),
};
