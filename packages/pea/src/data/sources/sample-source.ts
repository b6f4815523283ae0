import type { PassedOver } from "../../images/image-names.ts";
import type { LabelTable } from "../../images/label-table.ts";
import type { LabelBase } from "./label.ts";

/** Bytes of a file, the last one exclusive. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/** Where the encoded image of a sample lies: plain data, so that any thread can read it. */
export interface SampleLocation {
  /** What messages call the sample: its file, and its place in there. */
  readonly name: string;
  readonly path: string;
  /** Left out: the whole file. */
  readonly image?: ByteRange;
  /** File of the label map, for images that have one. */
  readonly labelMap?: string;
  /** Data of the TFRecord that holds the image; the checksum behind it is verified. */
  readonly record?: ByteRange;
}

/** How far the opening of a part is. */
export interface OpeningProgress {
  /** Files or folders that have been looked through, the last of them, and how many there are. */
  readonly done: number;
  readonly path: string;
  readonly total: number;
}

/** How a part of a data set is opened. */
export interface OpenOptions {
  /** Names of all classes: those of the training part, in which the labels of other parts count. */
  readonly classes?: readonly string[];
  /** The number that stands for the first class, where labels are numbers. Left out: as the format has it. */
  readonly labelBase?: LabelBase;
  /** Told after each file or folder: there may be thousands. */
  readonly onOpening?: (progress: OpeningProgress) => void;
}

/**
 * Labelled images in files: what they are and where they lie is known, what they show is read when it is needed. Any
 * format that can be read at random fits in here, and then shares order, augmentation and loader with all others.
 */
export interface SampleSource {
  /**
   * Of each sample, an index into `classes`, or for images with label maps the number of its group (its city). Parts that
   * are split off get their share of each. Their number is the number of samples.
   */
  readonly labels: Int32Array;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
  /** What the bytes of label maps mean; left out where an image has one label. */
  readonly labelTable?: LabelTable;
  /** Files found among the images that are none to be read. */
  readonly passedOver?: PassedOver;
  locate(index: number): SampleLocation;
  /**
   * What a sample is called within the data set, wherever that lies, whichever of its parts the sample is in and however
   * many others there are: `cat/siamese/7`. Parts are drawn by it.
   */
  nameOf(index: number): string;
}

/** The samples at `indices`, in that order. */
export function selectSamples(source: SampleSource, indices: Int32Array): SampleSource {
  return {
    ...source,
    labels: indices.map((index) => source.labels[index] as number),
    locate: (index) => source.locate(indices[index] as number),
    nameOf: (index) => source.nameOf(indices[index] as number),
  };
}
