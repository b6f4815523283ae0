/**
 * Finds the image and the label in a serialized `tf.train.Example` without reading the image (spec recipes 6.4):
 *
 *     Example  { features: Features = 1 }          Feature { bytes_list = 1 | float_list = 2 | int64_list = 3 }
 *     Features { feature: map<string, Feature> = 1 }         … each a list { value = 1, repeated }
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { FROM_ZERO_HINT } from "./class-names.ts";
import type { FileWindow } from "./file-window.ts";
import { type Label, type LabelBase, parseLabel } from "./label.ts";
import type { ByteRange } from "./sample-source.ts";

/** What an example holds of a labelled image. */
export interface ImageExample {
  /** The encoded image's bytes in the file. */
  readonly image: ByteRange;
  /** Number of its class, from 0, or its name. */
  readonly label: Label;
  /** The number that stands for the first class. */
  readonly labelBase: LabelBase;
  /** Name of the class of a number, where the example tells it. */
  readonly className?: string;
}

/** Features that hold the encoded image. */
const imageKeys = ["image/encoded", "image", "image_raw"];
/** Features that hold the label: an integer or, where none of them does, a text. */
const labelKeys = ["image/class/label", "label", "class"];
/** Features that hold the name of the class. */
const nameKeys = ["image/class/synset", "image/class/text", ...labelKeys];
const wanted: ReadonlySet<string> = new Set([...imageKeys, ...nameKeys]);

/** It counts from 1 where TF-Slim's scripts for ImageNet write it: 0 is a background there, of which is no image. */
const slimLabel = "image/class/label";
const MAX_LABEL = 2 ** 31 - 1;
/** Longest text that is read for a name, in bytes. */
const MAX_TEXT = 1000;

/** Fields of a Feature, for the kind of its list. */
const [BYTES, INTEGERS] = [1, 3];

/**
 * The image and the label in an example: by the keys that TF-Slim, TensorFlow Datasets and TensorFlow's tutorials use.
 *
 * @param record the example's bytes
 * @param wantedBase the number that stands for the first class. Left out: 1 for `image/class/label`, 0 for others
 * @throws PeaError saying what is missing or wrong; it names no record
 */
export function findImage(file: FileWindow, record: ByteRange, wantedBase?: LabelBase): ImageExample {
  const features = readFeatures(file, record);
  const holds = (key: string, kind: number) => kindOf(file, features.get(key)) === kind;
  const imageKey = imageKeys.find((key) => holds(key, BYTES));
  const numberKey = labelKeys.find((key) => holds(key, INTEGERS));
  const nameKey = nameKeys.find((key) => holds(key, BYTES) && key !== imageKey);
  const labelKey = numberKey ?? nameKey;
  if (imageKey === undefined || labelKey === undefined) throw noLabelledImage(features);
  const image = firstBytes(file, features.get(imageKey) as ByteRange, imageKey);
  const base = wantedBase ?? (labelKey === slimLabel ? 1 : 0);
  const name = nameKey && readText(file, features.get(nameKey) as ByteRange, nameKey);
  if (numberKey === undefined)
    return { image, labelBase: base, label: namedLabel(nameKey as string, name as string, base) };
  const number = onlyInteger(file, features.get(numberKey) as ByteRange, numberKey);
  if (number < base || number > MAX_LABEL) throw outOfRange(numberKey, number, base);
  return { image, labelBase: base, label: number - base, ...(name && { className: name }) };
}

function readText(file: FileWindow, feature: ByteRange, key: string): string {
  const { begin, end } = firstBytes(file, feature, key);
  return file.read(begin, Math.min(end - begin, MAX_TEXT)).toString();
}

/** The label of an example that tells its class by a text alone. */
function namedLabel(key: string, text: string, base: LabelBase): Label {
  const label = parseLabel(text, base);
  if (label !== null) return label;
  throw usage(
    `its "${key}" is ${JSON.stringify(text)}, but must be the number of a class, from ${base}, or its name`,
  );
}

function noLabelledImage(features: ReadonlyMap<string, ByteRange>): PeaError {
  const found = [...features.keys()].join(", ");
  return usage(
    'it is no labelled image: it must have the features "image/encoded" and "image/class/label", or "image" and ' +
      `"label", the image as bytes, the label as an integer or a text. It has ${found || "none of them"}`,
  );
}

function outOfRange(key: string, label: number, base: LabelBase): PeaError {
  const hint =
    label !== 0
      ? ""
      : `. TF-Slim's layout counts from 1 and keeps 0 for the background; if these labels count from 0, ${FROM_ZERO_HINT}`;
  return usage(`its "${key}" is ${label}, but labels run from ${base} to ${MAX_LABEL}${hint}`);
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
  for (const list of parts(file, feature, BYTES)) for (const value of parts(file, list, 1)) return value;
  throw new PeaError(`its "${key}" holds no bytes`);
}

/** Number of the field that holds a feature's list; of several the last one counts. */
function kindOf(file: FileWindow, feature: ByteRange | undefined): number | undefined {
  let kind: number | undefined;
  if (feature) for (const { number } of fields(file, feature)) kind = number;
  return kind;
}

function onlyInteger(file: FileWindow, feature: ByteRange, key: string): number {
  const values: number[] = [];
  for (const list of parts(file, feature, INTEGERS))
    for (const value of integers(file, list)) if (values.push(value) > 1) break;
  const [value] = values;
  if (value === undefined) throw new PeaError(`its "${key}" holds no integer`);
  if (values.length > 1)
    throw usage(
      `its "${key}" holds several integers, but an image has one label here, the number of its class`,
    );
  return value;
}

/** The values of a list of integers: each a field, or packed one after the other. */
function* integers(file: FileWindow, list: ByteRange): Generator<number> {
  for (const { number, value, part } of fields(file, list)) {
    if (number !== 1) continue;
    if (value !== undefined) yield value;
    for (let at = part?.begin ?? 0; part && at < part.end; ) {
      const read = readVarint(file, { begin: at, end: part.end });
      yield read.value;
      at = read.end;
    }
  }
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
const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
