/**
 * The safetensors format: eight bytes of the header's length, a JSON header, the tensors' bytes.
 *
 * @module
 */
import { PeaError } from "@pea/core";

/** A tensor as a file holds it: little-endian, row-major. */
export interface StoredTensor {
  readonly dtype: "F32" | "I64";
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

/** A file of tensors by name. */
export function encodeSafetensors(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array {
  const header: Record<string, Entry> = {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces up to a multiple of eight, so that readers may map the tensors as they lie.
  const length = 8 * Math.ceil(json.length / 8);
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  let at = 8 + length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The tensors of a file: float32, and int64 as counters are.
 *
 * @throws PeaError of kind usage saying what is wrong with the file, or naming a tensor of another dtype
 */
export function decodeSafetensors(bytes: Uint8Array): Map<string, StoredTensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? Number.NaN : Number(view.getBigUint64(0, true));
  if (!(length <= bytes.length - 8))
    throw usage("these bytes are no safetensors file, or only the beginning of one");
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(parseHeader(bytes.subarray(8, 8 + length)))) {
    if (name !== "__metadata__") tensors.set(name, read(name, entry, data));
  }
  return tensors;
}

function parseHeader(json: Uint8Array): Record<string, Entry> {
  try {
    const header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
    if (typeof header === "object" && header !== null) return header;
  } catch {
    // Told below.
  }
  throw usage("the header of these bytes is no JSON: they are no safetensors file");
}

const widths: Readonly<Record<StoredTensor["dtype"], number>> = { F32: 4, I64: 8 };

function read(name: string, { dtype, shape, data_offsets }: Entry, data: Uint8Array): StoredTensor {
  if (dtype !== "F32" && dtype !== "I64")
    throw usage(`${name} is of dtype ${dtype}; convert it to F32, which tfjs computes in`);
  const [begin, end] = data_offsets;
  const count = shape.reduce((product, size) => product * size, 1);
  if (!(begin >= 0 && end <= data.length && end - begin === count * widths[dtype]))
    throw usage(`${name} of shape [${shape}] does not fit the bytes ${begin} to ${end} of ${data.length}`);
  // Copied, since the file's bytes may lie at any address.
  const own = data.slice(begin, end).buffer;
  return { dtype, shape, data: dtype === "F32" ? new Float32Array(own) : new BigInt64Array(own) };
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
