import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { PeaError } from "@pea/core";

/** The name of a file of IDX images or labels; the group is what stands before the part. */
export const idxName = /^(.+-)?(?:train|t10k|test)-(?:images[-.]idx3|labels[-.]idx1)-ubyte(?:\.gz)?$/;

/** Whether a file's name is that of IDX images or labels. */
export function isIdxName(name: string): boolean {
  return idxName.test(name);
}

/** An array of unsigned bytes, row-major. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes, the format of MNIST and its relatives, plain or compressed with gzip
 * (format: spec recipes 6.1).
 *
 * @param dimensions number of dimensions the file must have, e.g. 3 for images and 1 for labels
 * @throws PeaError naming the file, what was found in it and what was expected
 */
export function readIdx(path: string, dimensions: number): IdxArray {
  const bytes = decompress(path);
  const fail = (problem: string) => new PeaError(`${path} ${problem}`);
  const headerLength = 4 + 4 * dimensions;
  if (bytes.length < headerLength) {
    throw fail(
      `has ${bytes.length} bytes; an IDX file of ${dimensions} dimensions has a header of ${headerLength}`,
    );
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  // 00 00, 08 for unsigned bytes, number of dimensions.
  const magic = 0x0800 + dimensions;
  if (header.getUint32(0) !== magic) {
    throw fail(
      `starts with ${hex(header.getUint32(0))} instead of ${hex(magic)}: ` +
        `it is not an IDX file of unsigned bytes with ${dimensions} dimensions`,
    );
  }
  const shape = Array.from({ length: dimensions }, (_, i) => header.getUint32(4 + 4 * i));
  const expected = shape.reduce((product, size) => product * size, 1);
  const data = bytes.subarray(headerLength);
  if (data.length !== expected) {
    throw fail(
      `claims ${shape.join(" × ")} = ${expected} bytes of data but holds ${data.length}; ` +
        "it is damaged or incomplete: get it again",
    );
  }
  return { shape, data };
}

/** The file's bytes, unpacked where they start with the magic of gzip, whatever the file's name. */
function decompress(path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new PeaError(`cannot read ${path}: ${(error as Error).message}`);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new PeaError(
      `${path} cannot be unpacked (${(error as Error).message}); it is damaged: get it again`,
    );
  }
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
