/**
 * safetensors files: named tensors with a checked header, no code inside, readable from Python
 * (format: spec recipes 6.7).
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { writeFileAtomically } from "./atomic-file.ts";
import { native } from "./binding.ts";
import { TorchError } from "./error.ts";
import { describeOtherFormat, headLength } from "./other-formats.ts";
import {
  decodeHeader,
  encodeHeader,
  type Header,
  largestHeader,
  layOut,
  type Metadata,
} from "./safetensors-header.ts";
import { scope } from "./scope.ts";
import { Tensor, wrap } from "./tensor.ts";

/** Node's readSync takes at most 2 GiB − 1 bytes at a time. */
const largestRead = 2 ** 30;

/** The contents of a file; the tensors are in the order of their bytes. */
export interface SafetensorsFile {
  tensors: Map<string, Tensor>;
  metadata: Metadata;
}

/**
 * Reads every tensor of a safetensors file into memory, on the CPU.
 *
 * The header is checked whole before a tensor is made: no file makes this allocate more than its own size.
 *
 * @throws TorchError naming the file, the tensor and the fault
 */
export function readSafetensors(path: string): SafetensorsFile {
  try {
    const file = openSync(path, "r");
    try {
      return scope(() => readTensors(file, path));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new TorchError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Writes tensors to a safetensors file, as rows and from any device. The same tensors and metadata give the same
 * bytes. The file appears whole or not at all: see `writeFileAtomically`.
 *
 * @throws TorchError naming the file, and the tensor where there is one to blame; the old file is then untouched
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Metadata = {},
): void {
  writeFileAtomically(path, encode(tensors, metadata));
}

function* encode(tensors: ReadonlyMap<string, Tensor>, metadata: Metadata): Iterable<Uint8Array> {
  for (const [name, tensor] of tensors) {
    if (!(tensor instanceof Tensor)) throw new TorchError(`"${name}" is not a Tensor`);
    if (tensor.disposed) throw new TorchError(`tensor "${name}" was disposed of`);
  }
  const entries = layOut(Array.from(tensors, ([name, { dtype, shape }]) => ({ name, dtype, shape })));
  yield encodeHeader({ entries, metadata });
  for (const { name } of entries) yield new Uint8Array((tensors.get(name) as Tensor).toBytes());
}

function readTensors(file: number, path: string): SafetensorsFile {
  const { header, bufferStart } = readHeader(file, path);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of header.entries) {
    const bytes = readBytes(file, bufferStart + begin, end - begin);
    tensors.set(name, wrap(native.fromBytes(bytes, dtype, shape)));
  }
  return { tensors, metadata: header.metadata };
}

function readHeader(file: number, path: string): { header: Header; bufferStart: number } {
  const fileLength = fstatSync(file).size;
  if (fileLength < 8) throw new TorchError(`it has ${fileLength} bytes, too few for a safetensors file`);
  const length = Buffer.from(readBytes(file, 0, 8).buffer).readBigUInt64LE();
  const bufferStart = 8 + Number(length);
  if (length > largestHeader || bufferStart > fileLength) {
    const head = Buffer.from(readBytes(file, 0, Math.min(fileLength, headLength)).buffer);
    const problem =
      length > largestHeader
        ? `the limit is ${largestHeader}: not a safetensors file?`
        : `but the file has only ${fileLength}: is it truncated?`;
    throw new TorchError(describeOtherFormat(head, path) ?? `its header claims ${length} bytes, ${problem}`);
  }
  return { header: decodeHeader(readBytes(file, 8, Number(length)), fileLength - bufferStart), bufferStart };
}

function readBytes(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; ) {
    const count = readSync(file, bytes, offset, Math.min(length - offset, largestRead), position + offset);
    if (count === 0) throw new TorchError("it became shorter while it was read");
    offset += count;
  }
  return bytes;
}
