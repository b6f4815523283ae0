/**
 * What some images of a data set are like: how large, which way up, how deep.
 *
 * @module
 */

import { SampleReader } from "../data/loading/sample-reader.ts";
import type { SampleSource } from "../data/sources/sample-source.ts";
import { exifOrientationOf, openImage } from "../images/decode.ts";
import { readTiffSamples } from "../images/tiff-samples.ts";
import type { Size } from "../images/transforms/crop.ts";

/** What was seen of some images. */
export interface ImagesSeen {
  /** Of each image that could be read. */
  readonly sizes: readonly Size[];
  /** The others, with the reasons. */
  readonly unreadable: readonly { readonly name: string; readonly reason: string }[];
  /** Images that carry an EXIF orientation by which they are turned. */
  readonly turned: number;
  /** Images of 16 bits, and the greatest byte that is left of any of their samples. */
  readonly deep: { readonly count: number; readonly greatest: number };
}

/** Images that are looked at. */
const PROBES = 50;

/** Looks at images spread over a part. */
export async function lookAtImages(source: SampleSource): Promise<ImagesSeen> {
  const count = source.labels.length;
  const probes = Math.min(PROBES, count);
  const reader = new SampleReader();
  const sizes: Size[] = [];
  const unreadable: { name: string; reason: string }[] = [];
  let turned = 0;
  const deep = { count: 0, greatest: 0 };
  try {
    for (let i = 0; i < probes; i++) {
      const location = source.locate(Math.floor((i * count) / probes));
      const found = await look(() => reader.read(location)).catch(({ message }: Error) => {
        unreadable.push({ name: location.name, reason: message });
        return null;
      });
      if (found === null) continue;
      sizes.push(found.size);
      if (found.isTurned) turned++;
      if (found.greatest === undefined) continue;
      deep.count++;
      deep.greatest = Math.max(deep.greatest, found.greatest);
    }
  } finally {
    reader.close();
  }
  return { sizes, unreadable, turned, deep };
}

interface Look {
  readonly size: Size;
  readonly isTurned: boolean;
  /** Of an image of 16 bits. */
  readonly greatest?: number;
}

async function look(read: () => Uint8Array): Promise<Look> {
  const bytes = read();
  const image = await openImage(bytes, { exifOrientation: true });
  const { width, height } = image;
  const isTurned = (await exifOrientationOf(bytes)) !== 1;
  if (!isDeep(bytes)) return { size: { width, height }, isTurned };
  const { data } = image.decode({ left: 0, top: 0, width, height }).pixels;
  return { size: { width, height }, isTurned, greatest: data.reduce((a, b) => Math.max(a, b), 0) };
}

const PNG = 0x89504e47;

/** Whether an image has whole numbers of 16 bits. */
function isDeep(bytes: Uint8Array): boolean {
  const isPng = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === PNG;
  if (isPng) return bytes[24] === 16;
  const samples = readTiffSamples(bytes);
  return samples?.bits === 16 && samples.format === "unsigned";
}

/** What a user should know of the images; nothing of ordinary ones. */
export function remarksOn({ sizes, unreadable, turned, deep }: ImagesSeen): string[] {
  const remarks: string[] = [];
  const [first] = unreadable;
  if (first)
    remarks.push(
      `${unreadable.length} of ${unreadable.length + sizes.length} images looked at cannot be read (onBadSample), ` +
        `as ${first.name}: ${first.reason}`,
    );
  if (turned > 0)
    remarks.push(
      `${turned} of ${sizes.length} images looked at carry an EXIF orientation, by which they are turned (exifOrientation)`,
    );
  if (deep.count > 0 && deep.greatest < 64)
    remarks.push(
      `${deep.count} of ${sizes.length} images looked at have 16 bits, but no sample above ${256 * deep.greatest + 255} ` +
        `of 65535: as the higher 8 bits are kept, ${deep.greatest + 1} of 256 levels are left. Scale them to the full range`,
    );
  return remarks;
}
