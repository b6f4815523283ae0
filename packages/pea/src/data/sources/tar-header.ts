/**
 * The header in front of each member of a tar archive (POSIX.1-2017 pax, "ustar Interchange Format"; GNU's and older
 * ones).
 *
 * @module
 */

/** Headers and data fill whole blocks. */
export const BLOCK = 512;

/** What a header says. */
export interface TarHeader {
  readonly name: string;
  /** One character, e.g. `0` for a regular file. */
  readonly type: string;
  /** Bytes of data behind the header. */
  readonly size: number;
  /** Name of the member that a link stands for; empty for others. */
  readonly target: string;
}

/** Reads a block; null for one that is no header: its checksum is wrong, or its size no number. */
export function readHeader(block: Buffer): TarHeader | null {
  const size = readNumber(block, 124, 12);
  if (!hasChecksum(block) || !Number.isSafeInteger(size)) return null;
  const name = ownName(block);
  const type = String.fromCharCode(block[156] as number);
  // Before POSIX a folder was a file with a slash behind its name.
  const isFolder = (type === "0" || type === "\0") && name.endsWith("/");
  return { name, type: isFolder ? "5" : type, size, target: textField(block, 157, 100) };
}

/** The sum over the header's bytes, its own field counted as blanks; some old writers took bytes as signed. */
function hasChecksum(block: Buffer): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 32 : (block[i] as number);
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const stored = readNumber(block, 148, 8);
  return stored === unsigned || stored === signed;
}

/** ustar keeps the front of a long name in a field of its own; star keeps times in the last bytes of that. */
function ownName(block: Buffer): string {
  const name = textField(block, 0, 100);
  if (block.toString("latin1", 257, 263) !== "ustar\0") return name;
  const isStar = block.toString("latin1", 508, 512) === "tar\0";
  const prefix = textField(block, 345, isStar ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A number in octal digits or, with the highest bit set, in base 256; NaN for anything else. */
function readNumber(block: Buffer, begin: number, length: number): number {
  const field = block.subarray(begin, begin + length);
  // The first byte of a negative one is 255: too large a number for any size.
  if ((field[0] as number) & 0x80)
    return field.reduce((value, byte, i) => 256 * value + (i === 0 ? byte & 0x7f : byte), 0);
  const digits = untilZero(field).toString("latin1").trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

function textField(block: Buffer, begin: number, length: number): string {
  return decodeName(untilZero(block.subarray(begin, begin + length)));
}

/** Bytes before the first that is zero. */
export function untilZero(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

/** UTF-8 or, where the bytes are none, Latin-1: so that no two names become one. */
export function decodeName(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}
