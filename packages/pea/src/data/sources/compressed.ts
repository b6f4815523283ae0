/**
 * Compressed files, told by their first bytes or their names: samples are read at random, which such files do not allow.
 *
 * @module
 */
import { PeaError } from "@pea/core";

const unpackZlib =
  "python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))'";

/** What compressed a file: its name, the bytes it begins with, and the command that unpacks standard input. */
const compressions: readonly [name: string, magic: readonly number[], command: string][] = [
  ["gzip", [0x1f, 0x8b], "gzip -dc"],
  ["Zstandard", [0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"],
  ["bzip2", [0x42, 0x5a, 0x68], "bzip2 -dc"],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz -dc"],
  ["LZ4", [0x04, 0x22, 0x4d, 0x18], "lz4 -dc"],
  // As TensorFlow writes records with the option ZLIB.
  ...[0x01, 0x5e, 0x9c, 0xda].map((level): [string, number[], string] => ["zlib", [0x78, level], unpackZlib]),
];

/** Endings of compressed shards, and of the files that unpacking leaves. */
const endings = /\.(gz|zst|bz2|xz|lz4)$/;
const shortTar = /\.t(gz|zst|bz2?|xz)$/;

/** The name of a compressed file once it is unpacked: `train-0.tar` of `train-0.tar.gz` or `train-0.tgz`. */
export function unpackedName(name: string): string {
  return shortTar.test(name) ? name.replace(shortTar, ".tar") : name.replace(endings, "");
}

/** @throws PeaError (usage) with the command that unpacks it, if the file begins as a compressed one does */
export function refuseCompressed(path: string, begin: Uint8Array): void {
  const found = compressions.find(([, magic]) => magic.every((byte, i) => begin[i] === byte));
  if (found === undefined) return;
  const [name, , command] = found;
  const unpacked = unpackedName(path);
  throw new PeaError(
    `${path} is compressed with ${name}, but samples are read at random: unpack it, ` +
      `${command} < ${path} > ${unpacked === path ? "NEW_FILE" : unpacked}`,
    { kind: "usage" },
  );
}
