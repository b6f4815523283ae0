/** Small data sets in the layout of Cityscapes, written for tests. */
import sharp from "sharp";
import { encodeLabelMap } from "../../src/tasks/segmentation/label-images.ts";
import { writeFiles } from "./images.ts";

/** A PNG in RGB. */
export async function rgbPng(width: number, height: number, data: Uint8Array): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** Names of an image and of its label map, below the root. */
export const imageName = (split: string, key: string): string =>
  `leftImg8bit/${split}/${key.split("_")[0]}/${key}_leftImg8bit.png`;
export const labelName = (split: string, key: string): string =>
  `gtFine/${split}/${key.split("_")[0]}/${key}_gtFine_labelIds.png`;

export interface TinyScene {
  split: string;
  /** `{city}_{seq}_{frame}` */
  key: string;
  /** RGB. */
  pixels: Uint8Array;
  /** Left out: no label map. */
  labels?: Uint8Array;
}

/** Writes scenes of one size. */
export async function writeScenes(
  root: string,
  { width, height }: { width: number; height: number },
  scenes: readonly TinyScene[],
): Promise<void> {
  for (const { split, key, pixels, labels } of scenes) {
    writeFiles(root, { [imageName(split, key)]: await rgbPng(width, height, pixels) });
    if (labels)
      writeFiles(root, { [labelName(split, key)]: await encodeLabelMap({ data: labels, width, height }) });
  }
}

/** A scene of plain grey pixels, all with the label `label`. */
export function plainScene(split: string, key: string, pixels: number, label: number): TinyScene {
  return {
    split,
    key,
    pixels: new Uint8Array(3 * pixels).fill(90),
    labels: new Uint8Array(pixels).fill(label),
  };
}
