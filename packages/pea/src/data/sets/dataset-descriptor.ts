/**
 * What the toolkit knows of a data set. Whatever lists, names, finds or opens data sets derives from it. Reading this file,
 * and those that describe the data sets, loads no engine.
 *
 * @module
 */
import type { PixelStatistics } from "../../images/pixel-statistics.ts";
import type { DataPart } from "../parts/part.ts";
import type { FolderView } from "../sources/folder-view.ts";
import type { OpenOptions, SampleSource } from "../sources/sample-source.ts";
import type { FindShardsOptions } from "../sources/shards.ts";

/** How a data set is found and read. */
export type OpenDatasetOptions = FindShardsOptions & Pick<OpenOptions, "labelBase" | "onOpening">;

/** How the test part of a data set is found and read. */
export type OpenTestOptions = OpenDatasetOptions & { readonly classes: readonly string[] };

/** The parts of a data set as it has them; what is left out, or null, it has not. */
export interface OpenedDataset {
  readonly train: DataPart;
  /** Beside a test part. Left out, it is split off the training part. */
  readonly validation?: DataPart | null;
  /** Left out, it is split off the training part. */
  readonly test?: DataPart | null;
  /** Images whose labels are not known. */
  readonly unlabelled?: SampleSource | null;
  /** By which images are standardized. Left out: those of the training images in memory, of others ImageNet's. */
  readonly statistics?: PixelStatistics;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  readonly notes?: readonly string[];
}

/** A data set, or a format of one's own data. */
export interface DatasetDescriptor {
  /** As `data` in a recipe has it: small letters, digits and dashes. */
  readonly name: string;
  /** As tables and reports write it. */
  readonly title: string;
  /** What networks are trained for on it: the name of a task. */
  readonly task: string;
  /** Whether its images are small and read whole, or stay in files and are decoded and scaled when they are needed. */
  readonly images: "in memory" | "in files";
  /** How it looks in a folder, for messages. */
  readonly layout: string;
  /** Where it lies unless a recipe says otherwise (`dataDir`), and the command that brings it there. */
  readonly defaultFolder?: { readonly path: string; readonly install: string };
  /** Labels are numbers, and a recipe says which of them stands for the first class (`labelBase`). */
  readonly hasLabelBase?: boolean;
  /** Its files may be a numbered set of which some are missing (`onMissingShard`). */
  readonly hasShards?: boolean;
  /** Each pixel has a label: images are taken whole. */
  readonly hasLabelMaps?: boolean;
  /** What images in files are scaled to unless a recipe says otherwise: side, or height and width as `256x512`. */
  readonly imageSize?: number | string;
  /** Whether `pea init` suggests to mirror images, as it does by default: not those that have a left and a right. */
  readonly flip?: boolean;
  /** Whether a folder holds it. Left out: it is never found, only named. */
  isIn?(folder: FolderView): boolean;
  /**
   * Opens it.
   *
   * @throws PeaError (usage) when a folder or file is missing; PeaError naming the file that is damaged
   */
  open(folder: string, options: OpenDatasetOptions): OpenedDataset | Promise<OpenedDataset>;
  /**
   * Opens the test part alone, for those who know the classes: large data sets are slow to open. Left out, or null where it
   * has none of its own: all parts are opened.
   */
  openTest?(folder: string, options: OpenTestOptions): Promise<SampleSource | null>;
}

/** What images in files are scaled to where a data set has no size of its own: ImageNet's. */
export const DEFAULT_IMAGE_SIZE = 224;

export function isInFiles({ images }: DatasetDescriptor): boolean {
  return images === "in files";
}

/** Whether a recipe chooses the part of an image that is taken. */
export function isCropped(dataset: DatasetDescriptor): boolean {
  return isInFiles(dataset) && !dataset.hasLabelMaps;
}
