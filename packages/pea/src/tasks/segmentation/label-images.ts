/**
 * Label maps as images: with the labels as bytes, as they are read and handed in, and in colours, for people.
 *
 * @module
 */
import { classLabels, type LabelTable } from "../../images/label-table.ts";
import type { ClassMap, Pixels } from "../../images/resample.ts";
import { loadSharp } from "../../images/sharp.ts";

/** A grey PNG of 8 bits with the bytes of `map` as they are. */
export async function encodeLabelMap({ data, width, height }: ClassMap): Promise<Buffer> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}

/** The label of each pixel's class, as the byte that stands for it (spec recipes 3.4: labelIds, not trainIds). */
export function labelsOfClasses({ data, ...size }: ClassMap, table: LabelTable): ClassMap {
  const ids = classLabels(table).map(({ id }) => id);
  return { ...size, data: data.map((found) => ids[found] as number) };
}

/** A PNG of the image with each pixel half in the colour of its class. */
export async function encodeOverlay(image: Pixels, classes: ClassMap, table: LabelTable): Promise<Buffer> {
  const colors = classLabels(table).map(({ color }) => color);
  const data = image.data.map((value, i) => {
    const color = colors[classes.data[Math.floor(i / 3)] as number];
    return color === undefined ? value : Math.round((value + (color[i % 3] as number)) / 2);
  });
  const sharp = await loadSharp();
  return sharp(data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .png()
    .toBuffer();
}
