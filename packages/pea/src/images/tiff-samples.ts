/**
 * What kind of numbers a TIFF holds, and which kinds become bytes. Other formats hold whole numbers of up to 16 bits, which
 * fill their range; a TIFF may hold anything.
 *
 * @module
 */
import { readTiffFields } from "./tiff-fields.ts";

/** Of a TIFF's first image. */
export interface TiffSamples {
  /** Of each channel. */
  readonly bits: number;
  readonly format: "unsigned" | "signed" | "float" | "complex";
  readonly channels: number;
  /** How the channels are to be read (TIFF 6.0, PhotometricInterpretation). */
  readonly photometric: number;
  readonly compression: number;
}

const tags = { bits: 258, compression: 259, photometric: 262, channels: 277, format: 339 } as const;
const formats = { 1: "unsigned", 2: "signed", 3: "float", 5: "complex", 6: "complex" } as const;

/** Channels that a photometric interpretation has beside transparency: grey, RGB, palette, mask, CMYK, YCbCr, Lab. */
const colours: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3 };
const [WHITE_IS_ZERO, YCBCR] = [0, 6];
const JPEG = 7;

/** What a file says of its samples; null for what is no TIFF. */
export function readTiffSamples(bytes: Uint8Array): TiffSamples | null {
  const fields = readTiffFields(bytes);
  if (fields === null) return null;
  const first = (tag: number, otherwise: number) => fields.get(tag) ?? otherwise;
  const format = formats[first(tags.format, 1) as keyof typeof formats] ?? "unsigned";
  return {
    bits: first(tags.bits, 1),
    format,
    channels: first(tags.channels, 1),
    photometric: first(tags.photometric, 1),
    compression: first(tags.compression, 1),
  };
}

/** Why samples cannot be read as an image of bytes; undefined where they can. */
export function refusalOf({
  bits,
  format,
  channels,
  photometric,
  compression,
}: TiffSamples): string | undefined {
  const isWhole = format === "unsigned" && bits <= 16;
  const isFloat = format === "float" && bits === 32 && photometric !== WHITE_IS_ZERO;
  if (!isWhole && !isFloat)
    return (
      `its samples are ${format} numbers of ${bits} bits; unsigned ones of up to 16 bits are read, and floats of 32 ` +
      `bits from 0 to 1. ${REMEDY}`
    );
  const known = colours[photometric];
  // One channel more is taken for transparency.
  if (known !== undefined && channels > known + 1)
    return `it has ${channels} channels; grey, RGB and CMYK are read, each with or without transparency. ${REMEDY}`;
  if (photometric === YCBCR && compression !== JPEG)
    return `its colours are stored as YCbCr without JPEG compression, which is not read. ${REMEDY}`;
  return undefined;
}

const REMEDY = "Convert it yourself, e.g. to a PNG of 8 or 16 bits";
