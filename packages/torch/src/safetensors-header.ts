/**
 * The header of a safetensors file: JSON that maps each tensor's name to its dtype, shape and place in the byte
 * buffer behind the header. Nothing here touches files or tensors (format: spec recipes 6.7).
 *
 * @module
 */

import type { DType } from "./dtype.ts";
import { TorchError } from "./error.ts";

/** The format's limit, in bytes. */
export const largestHeader = 100_000_000;

interface ElementType {
  /** Name in the file. */
  readonly name: string;
  /** Bytes of one element. */
  readonly size: number;
  /** The dtype of a tensor that holds such elements; undefined where the engine has none. */
  readonly dtype?: DType;
}

/** Every dtype of the format, in the order by which the reference writer sorts: ascending alignment. */
const elementTypes: readonly ElementType[] = [
  { name: "BOOL", size: 1, dtype: "bool" },
  { name: "U8", size: 1, dtype: "uint8" },
  { name: "I8", size: 1, dtype: "int8" },
  { name: "F8_E5M2", size: 1 },
  { name: "F8_E4M3", size: 1 },
  { name: "I16", size: 2, dtype: "int16" },
  { name: "U16", size: 2 },
  { name: "F16", size: 2, dtype: "float16" },
  { name: "BF16", size: 2, dtype: "bfloat16" },
  { name: "I32", size: 4, dtype: "int32" },
  { name: "U32", size: 4 },
  { name: "F32", size: 4, dtype: "float32" },
  { name: "F64", size: 8, dtype: "float64" },
  { name: "I64", size: 8, dtype: "int64" },
  { name: "U64", size: 8 },
];

/** One tensor of a file; its bytes are [begin, end) of the buffer. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** String to string notes that travel with the tensors. */
export type Metadata = Record<string, string>;

/** What a header says; the entries are in the order of their bytes. */
export interface Header {
  readonly entries: readonly Entry[];
  readonly metadata: Metadata;
}

/**
 * Lays tensors out as the reference writer does: by descending dtype, then by name in the order of its UTF-8 bytes,
 * without a gap. The same tensors give the same bytes, whatever the order in which they are given.
 *
 * @throws TorchError for a name or a dtype that the format cannot hold
 */
export function layOut(tensors: Iterable<{ name: string; dtype: DType; shape: readonly number[] }>): Entry[] {
  const sorted = Array.from(tensors, (tensor) => {
    checkName(tensor.name);
    const rank = elementTypes.findIndex(({ dtype }) => dtype === tensor.dtype);
    if (rank === -1) {
      throw new TorchError(
        `tensor "${tensor.name}" has dtype ${tensor.dtype}, which safetensors cannot hold`,
      );
    }
    return { ...tensor, rank, bytes: Buffer.from(tensor.name) };
  }).sort((a, b) => b.rank - a.rank || Buffer.compare(a.bytes, b.bytes));
  let end = 0;
  return sorted.map(({ name, dtype, shape, rank }) => {
    const begin = end;
    end += (elementTypes[rank] as ElementType).size * shape.reduce((product, size) => product * size, 1);
    return { name, dtype, shape, begin, end };
  });
}

/**
 * The header's bytes: its length as a 64-bit integer, then JSON, padded with spaces so that the buffer behind it
 * is aligned to 8 bytes.
 *
 * @throws TorchError for metadata that are not strings and for a header beyond the format's limit
 */
export function encodeHeader({ entries, metadata }: Header): Uint8Array {
  // Assembled by hand: an object would move names like "0" to the front and could not hold "__proto__".
  const fields = entries.map(({ name, dtype, shape, begin, end }) => {
    const stored = elementTypes.find((type) => type.dtype === dtype) as ElementType;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: stored.name, shape, data_offsets: [begin, end] })}`;
  });
  const notes = Object.entries(metadata).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (notes.length > 0) {
    const texts = notes.map(([key, value]) => {
      if (typeof value !== "string") throw new TorchError(`metadata "${key}" must be a string, got ${value}`);
      return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
    });
    fields.unshift(`"__metadata__":{${texts.join(",")}}`);
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > largestHeader) {
    throw new TorchError(`its header would take ${length} bytes, the format allows ${largestHeader}`);
  }
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

/**
 * Reads a header and checks it against the byte buffer behind it: the tensors must tile the buffer exactly, without
 * hole, overlap or rest.
 *
 * @param json the header's bytes, without its length
 * @param bufferLength bytes behind the header
 * @throws TorchError that says what is wrong with which tensor
 */
export function decodeHeader(json: Uint8Array, bufferLength: number): Header {
  if (json[0] !== 0x7b) throw new TorchError('its header does not start with "{"');
  const fields = parseObject(json);
  let metadata: Metadata = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name === "__metadata__") metadata = decodeMetadata(value);
    else entries.push(decodeEntry(name, value));
  }
  // An empty tensor may share its begin with the tensor behind it: it comes first.
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      const problem = begin > position ? "leaves a hole behind" : "overlaps";
      throw new TorchError(
        `tensor ${quote(name)} begins at byte ${begin} and ${problem} the one that ends at ${position}`,
      );
    }
    position = end;
  }
  if (position !== bufferLength) {
    throw new TorchError(
      `its tensors take ${position} bytes, but ${bufferLength} follow the header: is it truncated?`,
    );
  }
  return { entries, metadata };
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    const fields = JSON.parse(text);
    checkForDuplicates(text);
    return fields;
  } catch (error) {
    if (error instanceof TorchError) throw error;
    throw new TorchError(`its header is not JSON in UTF-8: ${(error as Error).message}`);
  }
}

/** JSON.parse keeps the last of two equal keys in silence; the format forbids them. `text` is valid JSON. */
function checkForDuplicates(text: string): void {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") open.push(new Set());
    else if (text[i] === "}") open.pop();
    else if (text[i] === '"') {
      const start = i++;
      for (; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      if (!isKey(text, i + 1)) continue;
      const key = JSON.parse(text.slice(start, i + 1));
      const keys = open.at(-1) as Set<string>;
      if (keys.has(key)) throw new TorchError(`its header names ${quote(key)} twice`);
      keys.add(key);
    }
  }
}

function isKey(text: string, end: number): boolean {
  while (/\s/.test(text[end] ?? "")) end++;
  return text[end] === ":";
}

function decodeMetadata(value: unknown): Metadata {
  if (!isObject(value)) throw new TorchError("its __metadata__ is not an object");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new TorchError(`its metadata ${quote(key)} is not a string`);
  }
  return value as Metadata;
}

function decodeEntry(name: string, value: unknown): Entry {
  checkName(name);
  const fail = (problem: string) => new TorchError(`tensor ${quote(name)} ${problem}`);
  if (!isObject(value)) throw fail("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  const type = elementTypes.find((known) => known.name === dtype);
  if (type === undefined) throw fail(`has the unknown dtype ${quote(dtype)}`);
  if (type.dtype === undefined) throw fail(`has dtype ${type.name}, for which libtorch has no tensors here`);
  if (!isSizes(shape)) throw fail(`has the shape ${quote(shape)}, not an array of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`has the data_offsets ${quote(offsets)}, not [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  // Zeros are left out of the product: libtorch multiplies the other sizes too, for the strides.
  const span = shape.reduce((product, size) => product * Math.max(size, 1), type.size);
  if (!Number.isSafeInteger(span)) throw fail(`has the shape ${quote(shape)}, which is too large`);
  const bytes = shape.includes(0) ? 0 : span;
  if (end - begin !== bytes) {
    throw fail(`has ${type.name}[${shape.join(", ")}], ${bytes} bytes, but the offsets ${quote(offsets)}`);
  }
  return { name, dtype: type.dtype, shape, begin, end };
}

function checkName(name: string): void {
  if (name === "__metadata__") throw new TorchError('"__metadata__" cannot be the name of a tensor');
  if (/\p{Surrogate}/u.test(name)) {
    throw new TorchError(
      `the tensor name ${JSON.stringify(name)} has half a surrogate pair, which UTF-8 cannot hold`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Integers beyond 2^53 come out of JSON.parse rounded, and are refused with the negative ones. */
function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** A value from the file for a message, cut to a readable length. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "(none)";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
