import { describeLooseImages, openImageFolder } from "../formats/image-folder.ts";
import { type FoundInFolder, openParts, openTestPart } from "../formats/parts-in-files.ts";
import { findPartFolders } from "../sources/part-folders.ts";
import type { PartName } from "../sources/part-names.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Images in a folder for each class. */
export const imageFolder: DatasetDescriptor = {
  name: "imagefolder",
  title: "image folder",
  task: "classification",
  images: "in files",
  layout: "folders named train and val, with a folder of images for each class, or such class folders alone",
  // Any folders will do: what they lack is told when they are opened.
  isIn: ({ folders }) => folders.length > 0,
  open: async (folder, options) => {
    const found = await find(folder);
    const remarks = await Promise.all([...found.parts.values()].map(describeLooseImages));
    return openParts({ ...found, notes: [...found.notes, ...remarks.flat()] }, options);
  },
  openTest: async (folder, options) => openTestPart(await find(folder), options),
};

async function find(folder: string): Promise<FoundInFolder<string>> {
  const { parts, notes } = await findPartFolders(folder);
  // Folders of classes are one part, for training.
  const found = parts.size === 0 ? new Map<PartName, string>([["train", folder]]) : parts;
  return { parts: found, notes, folder, dataset: imageFolder, open: openImageFolder };
}
