import { PeaError } from "@pea/core";
import type { FileWindow } from "./file-window.ts";
import type { ByteRange } from "./sample-source.ts";

/** A regular file in a tar archive. */
export interface TarMember {
  /** With the folders it lies in. */
  readonly name: string;
  /** Its bytes in the archive. */
  readonly data: ByteRange;
}

const BLOCK = 512;
/** Longest extended header that is read, in bytes; names and sizes take a fraction of it. */
const MAX_EXTENSION = 4096;

/**
 * The regular files of a tar archive in order, read from its headers alone: POSIX ustar with pax headers, and GNU's
 * long names and large sizes (spec recipes 6.5).
 *
 * @throws PeaError naming the archive and the member where it is damaged, truncated or no tar at all
 */
export function* tarMembers(file: FileWindow): Generator<TarMember> {
  /** What an extended header says of the member after it. */
  let extension: Extension = {};
  for (let at = 0; ; ) {
    if (at + BLOCK > file.size) throw truncated(file, at);
    const header = file.read(at, BLOCK);
    // Two blocks of zeros end an archive.
    if (header.every((byte) => byte === 0)) {
      if (at + 2 * BLOCK > file.size) throw truncated(file, at);
      return;
    }
    checkHeader(file, header, at);
    const type = String.fromCharCode(header[156] as number);
    const isExtension = "xgLK".includes(type);
    const name = isExtension ? "an extended header" : (extension.name ?? ownName(header));
    const size = (isExtension ? undefined : extension.size) ?? readNumber(header, 124, 12);
    if (!Number.isSafeInteger(size)) throw damaged(file, at);
    const data = { begin: at + BLOCK, end: at + BLOCK + size };
    if (data.end > file.size) throw truncated(file, at, name);
    if (type === "x") {
      extension = { ...extension, ...paxRecords(extensionText(file, data)) };
    } else if (type === "L") {
      extension = { ...extension, name: untilZero(extensionText(file, data)) };
    } else if (!isExtension) {
      // "0" or nothing: a regular file; "7": one that was contiguous on a disk of old.
      if (type === "0" || type === "\0" || type === "7") yield { name, data };
      extension = {};
    }
    at = data.begin + BLOCK * Math.ceil(size / BLOCK);
  }
}

interface Extension {
  readonly name?: string;
  readonly size?: number;
}

/** The sum over the header's bytes, its own field counted as blanks. */
function checkHeader(file: FileWindow, header: Buffer, at: number): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] as number);
  if (sum === readNumber(header, 148, 8)) return;
  const isGzip = at === 0 && header.readUInt16BE(0) === 0x1f8b;
  if (!isGzip) throw damaged(file, at);
  throw new PeaError(`${file.path} is compressed with gzip, but samples are read at random: unpack it`);
}

function damaged(file: FileWindow, at: number): PeaError {
  return new PeaError(`${file.path} has no tar header at byte ${at}: the file is damaged, or no tar archive`);
}

/** ustar keeps the front of a long name in a field of its own. */
function ownName(header: Buffer): string {
  const name = untilZero(header.toString("utf8", 0, 100));
  const isUstar = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? untilZero(header.toString("utf8", 345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A number in octal digits or, with the highest bit set, in base 256. */
function readNumber(header: Buffer, begin: number, length: number): number {
  const field = header.subarray(begin, begin + length);
  if ((field[0] as number) & 0x80)
    return field.reduce((value, byte, i) => 256 * value + (i === 0 ? byte & 0x7f : byte), 0);
  const digits = untilZero(field.toString("latin1")).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

function extensionText(file: FileWindow, { begin, end }: ByteRange): string {
  if (end - begin > MAX_EXTENSION) throw damaged(file, begin - BLOCK);
  return file.read(begin, end - begin).toString("utf8");
}

/** Lines of `LENGTH KEY=VALUE`. */
function paxRecords(text: string): Extension {
  const value = (key: string) => new RegExp(`^\\d+ ${key}=(.*)$`, "m").exec(text)?.[1];
  const [name, size] = [value("path"), value("size")];
  return { ...(name !== undefined && { name }), ...(size !== undefined && { size: Number(size) }) };
}

function truncated(file: FileWindow, at: number, member?: string): PeaError {
  const where = member === undefined ? `at byte ${at}` : `within ${member}`;
  return new PeaError(
    `${file.path} ends ${where}, without the end of a tar archive: it is incomplete; get it again`,
  );
}

function untilZero(text: string): string {
  const end = text.indexOf("\0");
  return end === -1 ? text : text.slice(0, end);
}
