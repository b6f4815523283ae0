/**
 * Compressed files, told by their first bytes or their names: samples are read at random, which such files do not allow.
 *
 * @module
 */
import { PeaError } from "@pea/core";

interface Compression {
  readonly name: string;
  /** Of which a file begins with one. */
  readonly magics: readonly (readonly number[])[];
  /** What the names of such files end in; the short ones are of tar archives. */
  readonly endings: { readonly long: readonly string[]; readonly short: readonly string[] };
  /** Unpacks standard input. */
  readonly command: string;
}

const compressions: readonly Compression[] = [
  {
    name: "gzip",
    magics: [[0x1f, 0x8b]],
    endings: { long: [".gz"], short: [".tgz"] },
    command: "gzip -dc",
  },
  {
    name: "Zstandard",
    magics: [[0x28, 0xb5, 0x2f, 0xfd]],
    endings: { long: [".zst"], short: [".tzst"] },
    command: "zstd -dc",
  },
  {
    name: "bzip2",
    magics: [[0x42, 0x5a, 0x68]],
    endings: { long: [".bz2"], short: [".tbz", ".tbz2"] },
    command: "bzip2 -dc",
  },
  {
    name: "xz",
    magics: [[0xfd, 0x37, 0x7a, 0x58, 0x5a]],
    endings: { long: [".xz"], short: [".txz"] },
    command: "xz -dc",
  },
  {
    name: "LZ4",
    magics: [[0x04, 0x22, 0x4d, 0x18]],
    endings: { long: [".lz4"], short: [] },
    command: "lz4 -dc",
  },
  {
    // As TensorFlow writes records with the option ZLIB, by any of its levels.
    name: "zlib",
    magics: [0x01, 0x5e, 0x9c, 0xda].map((level) => [0x78, level]),
    endings: { long: [], short: [] },
    command:
      "python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))'",
  },
];

/** The name of a compressed file once it is unpacked: `train-0.tar` of `train-0.tar.gz` or `train-0.tgz`. */
export function unpackedName(name: string): string {
  for (const { long, short } of compressions.map(({ endings }) => endings)) {
    const [cut, kept] = [long, short].map((endings) => endings.find((ending) => name.endsWith(ending)));
    if (cut !== undefined) return name.slice(0, -cut.length);
    if (kept !== undefined) return `${name.slice(0, -kept.length)}.tar`;
  }
  return name;
}

/** @throws PeaError (usage) with the command that unpacks it, if the file begins as a compressed one does */
export function refuseCompressed(path: string, begin: Uint8Array): void {
  const found = compressions.find(({ magics }) =>
    magics.some((magic) => magic.every((byte, i) => begin[i] === byte)),
  );
  if (found) throw isCompressed(path, found);
}

/** The error for a file whose name says that it is compressed. */
export function compressedByName(path: string): PeaError {
  const found = compressions.find(({ endings }) =>
    [...endings.long, ...endings.short].some((ending) => path.endsWith(ending)),
  );
  return isCompressed(path, found as Compression);
}

function isCompressed(path: string, { name, command }: Compression): PeaError {
  const unpacked = unpackedName(path);
  return new PeaError(
    `${path} is compressed with ${name}, but samples are read at random: unpack it, ` +
      `${command} < ${path} > ${unpacked === path ? "NEW_FILE" : unpacked}`,
    { kind: "usage" },
  );
}
