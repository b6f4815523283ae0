/**
 * Finds the image and the label in a serialized `tf.train.Example` without reading the image (spec recipes 6.4):
 *
 *     Example  { features: Features = 1 }          Feature { bytes_list = 1 | float_list = 2 | int64_list = 3 }
 *     Features { feature: map<string, Feature> = 1 }         … each a list { value = 1, repeated }
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { FileWindow } from "./file-window.ts";
import type { ByteRange } from "./sample-source.ts";

/** What an example holds of a labelled image. */
export interface ImageExample {
  /** The encoded image's bytes in the file. */
  readonly image: ByteRange;
  /** From 0. */
  readonly label: number;
  /** Name of the label's class, where the example tells it. */
  readonly className?: string;
}

/** Keys of the features, and the label that stands for the first class. */
interface Layout {
  readonly image: string;
  readonly label: string;
  readonly firstLabel: 0 | 1;
}

/** As the ImageNet scripts of TensorFlow write examples, and as TensorFlow Datasets does. */
const layouts: readonly Layout[] = [
  { image: "image/encoded", label: "image/class/label", firstLabel: 1 },
  { image: "image", label: "label", firstLabel: 0 },
];
const MAX_LABEL = 2 ** 31 - 1;
const className = "image/class/synset";
const wanted = new Set([...layouts.flatMap(({ image, label }) => [image, label]), className]);

/**
 * @param record the example's bytes
 * @throws PeaError saying what is missing or wrong; it names no record
 */
export function findImage(file: FileWindow, record: ByteRange): ImageExample {
  const features = readFeatures(file, record);
  const layout = layouts.find(({ image, label }) => features.has(image) && features.has(label));
  if (layout === undefined) {
    const keys = layouts.map(({ image, label }) => `"${image}" and "${label}"`).join(", or ");
    throw new PeaError(`it is no labelled image: it must have the features ${keys}`);
  }
  const image = firstBytes(file, features.get(layout.image) as ByteRange, layout.image);
  const stored = firstInteger(file, features.get(layout.label) as ByteRange, layout.label);
  if (stored < layout.firstLabel || stored > MAX_LABEL) {
    throw new PeaError(
      `its "${layout.label}" is ${stored}, but labels run from ${layout.firstLabel} to ${MAX_LABEL}`,
    );
  }
  const label = stored - layout.firstLabel;
  const name = features.get(className);
  if (name === undefined) return { image, label };
  const { begin, end } = firstBytes(file, name, className);
  return { image, label, className: file.read(begin, Math.min(end - begin, 100)).toString() };
}

/** Where the wanted features lie. Of a key that comes twice the last counts. */
function readFeatures(file: FileWindow, record: ByteRange): Map<string, ByteRange> {
  const features = new Map<string, ByteRange>();
  for (const message of parts(file, record, 1)) {
    for (const entry of parts(file, message, 1)) {
      let key = "";
      let value: ByteRange = { begin: 0, end: 0 };
      for (const field of fields(file, entry)) {
        if (field.number === 1 && field.part && field.part.end - field.part.begin <= 64)
          key = file.read(field.part.begin, field.part.end - field.part.begin).toString();
        if (field.number === 2 && field.part) value = field.part;
      }
      if (wanted.has(key)) features.set(key, value);
    }
  }
  return features;
}

function firstBytes(file: FileWindow, feature: ByteRange, key: string): ByteRange {
  for (const list of parts(file, feature, 1)) for (const value of parts(file, list, 1)) return value;
  throw new PeaError(`its "${key}" holds no bytes`);
}

function firstInteger(file: FileWindow, feature: ByteRange, key: string): number {
  for (const list of parts(file, feature, 3)) {
    for (const { number, value, part } of fields(file, list)) {
      if (number !== 1) continue;
      if (value !== undefined) return value;
      // Packed: the values one after the other.
      if (part && part.begin < part.end) return readVarint(file, part).value;
    }
  }
  throw new PeaError(`its "${key}" holds no integer`);
}

/** A field of a message: its value where that is an integer, its bytes where it has a length. */
interface Field {
  readonly number: number;
  readonly value?: number;
  readonly part?: ByteRange;
}

/** The fields with a length and this number. */
function* parts(file: FileWindow, message: ByteRange, number: number): Generator<ByteRange> {
  for (const field of fields(file, message)) if (field.number === number && field.part) yield field.part;
}

/** The fields of a message in protobuf's wire format. */
function* fields(file: FileWindow, { begin, end }: ByteRange): Generator<Field> {
  for (let at = begin; at < end; ) {
    const tag = readVarint(file, { begin: at, end });
    const [number, wireType] = [Math.floor(tag.value / 8), tag.value % 8];
    at = tag.end;
    if (wireType === 0) {
      const { value, end: next } = readVarint(file, { begin: at, end });
      yield { number, value };
      at = next;
    } else if (wireType === 2) {
      const length = readVarint(file, { begin: at, end });
      if (length.value < 0 || length.end + length.value > end) throw malformed();
      at = length.end + length.value;
      yield { number, part: { begin: length.end, end: at } };
    } else if (wireType === 1 || wireType === 5) {
      at += wireType === 1 ? 8 : 4;
    } else {
      throw malformed();
    }
  }
}

/** A signed integer of up to 64 bits, seven a byte, the lowest first, and where it ends. */
function readVarint(file: FileWindow, { begin, end }: ByteRange): { value: number; end: number } {
  const bytes = file.read(begin, Math.min(10, end - begin));
  let value = 0;
  for (const [i, byte] of bytes.entries()) {
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value: i === 9 ? signed(bytes) : value, end: begin + i + 1 };
  }
  throw malformed();
}

/** Ten bytes: a negative number, more than a float64 holds before the sign is taken off. */
function signed(bytes: Uint8Array): number {
  const bits = bytes.reduce((sum, byte, i) => sum | (BigInt(byte & 0x7f) << BigInt(7 * i)), 0n);
  return Number(BigInt.asIntN(64, bits));
}

const malformed = (): PeaError => new PeaError("it is no tf.train.Example");
