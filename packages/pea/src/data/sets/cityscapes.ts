import { unitStatistics } from "../../images/known-statistics.ts";
import { openCityscapes } from "../formats/cityscapes/open-cityscapes.ts";
import type { DatasetDescriptor } from "./dataset-descriptor.ts";

/** Street scenes with a class for each pixel, and data sets in their layout. */
export const cityscapes: DatasetDescriptor = {
  name: "cityscapes",
  title: "Cityscapes",
  task: "segmentation",
  images: "in files",
  layout: "leftImg8bit and gtFine as Cityscapes",
  hasLabelMaps: true,
  // The paper's (spec recipes 3.1).
  imageSize: "256x512",
  isIn: ({ names }) => names.includes("leftImg8bit") && names.includes("gtFine"),
  open: async (folder) => ({ ...(await openCityscapes(folder)), statistics: unitStatistics }),
};
