/**
 * The members of a tar archive, one after the other: headers, what extended headers say of them, and where their data
 * lie.
 *
 * @module
 */
import { posix } from "node:path";
import { PeaError } from "@pea/core";
import { refuseCompressed } from "./compressed.ts";
import type { FileWindow } from "./file-window.ts";
import type { ByteRange } from "./sample-source.ts";
import { type Extension, readName, readPaxHeader } from "./tar-extension.ts";
import { BLOCK, readHeader, type TarHeader } from "./tar-header.ts";

/** A member that is no extended header. */
export interface TarEntry {
  readonly name: string;
  /** `other`: folders, devices, and what single writers invented. */
  readonly kind: "file" | "link" | "other";
  readonly data: ByteRange;
  /** What a link points to, in the archive's words; empty for others. */
  readonly target: string;
  /** The same as a member's name, normalized. */
  readonly pointsTo: string;
}

/**
 * All members of an archive in order.
 *
 * @throws PeaError naming the archive and the member where it is damaged, truncated, holds a sparse file, or is no tar
 *   at all
 */
export function* tarEntries(file: FileWindow): Generator<TarEntry> {
  if (file.size === 0) throw new PeaError(`${file.path} is empty: it is damaged or incomplete; get it again`);
  /** What extended headers say of all members from there on, and of the next one. */
  let common: Extension = {};
  let own: Extension | undefined;
  for (let found = nextHeader(file, 0); found !== null; ) {
    const { header, at } = found;
    if (isExtension(header)) {
      const data = dataOf(file, found, header.size, "an extended header");
      const read = readExtension(file, header, data);
      if (read === null) throw damaged(file, at);
      if (header.type === "g") common = { ...common, ...read };
      else own = { ...own, ...read };
      found = nextHeader(file, data.end);
    } else {
      const entry = entryOf(file, found, { ...common, ...own });
      own = undefined;
      yield entry;
      found = nextHeader(file, entry.data.end);
    }
  }
  if (own !== undefined) throw truncated(file, `at byte ${file.size}`);
}

interface Found {
  readonly header: TarHeader;
  /** Byte where it begins. */
  readonly at: number;
}

/**
 * The first header from a byte on. Blocks of zeros end an archive, though some writers spare them; another archive may
 * follow. null at the end of the file.
 */
function nextHeader(file: FileWindow, from: number): Found | null {
  const begin = BLOCK * Math.ceil(from / BLOCK);
  for (let at = begin; at < file.size; at += BLOCK) {
    const block = file.read(at, Math.min(BLOCK, file.size - at));
    if (block.equals(ZEROS.subarray(0, block.length))) continue;
    const header = block.length === BLOCK ? readHeader(block) : null;
    if (header !== null) return { header, at };
    if (at === 0) refuseCompressed(file.path, block);
    if (at > begin) throw followed(file, begin, at);
    throw block.length < BLOCK ? truncated(file, `at byte ${file.size}`) : damaged(file, at);
  }
  return null;
}

const ZEROS = Buffer.alloc(BLOCK);

/** pax headers for the next member (Sun's have a type of their own) or all, GNU's long names of members and of links. */
function isExtension({ type }: TarHeader): boolean {
  return "xXgLK".includes(type);
}

function readExtension(file: FileWindow, { type }: TarHeader, data: ByteRange): Extension | null {
  if (type !== "L" && type !== "K") return readPaxHeader(file, data);
  const text = readName(file, data);
  if (text === null) return null;
  return type === "L" ? { name: text } : { target: text };
}

function entryOf(file: FileWindow, found: Found, extension: Extension): TarEntry {
  const { header } = found;
  const { type } = header;
  const { name = header.name, target = header.target, size = header.size } = extension;
  if (type === "S" || extension.isSparse)
    throw notRead(file, name, "a sparse file, whose holes are left out: pack it without --sparse");
  if (type === "M") throw notRead(file, name, "the rest of a file from another volume: pack it as one");
  const data = dataOf(file, found, hasData(file, found, size) ? size : 0, name);
  if (type === "1" && data.end === data.begin)
    return { name, kind: "link", data, target, pointsTo: posix.normalize(target) };
  if (type === "2") return { name, kind: "link", data, target, pointsTo: beside(name, target) };
  // "0" or nothing: a regular file; "7": one that was contiguous on a disk of old; "1": a link that brings its data.
  return { name, kind: "01\x007".includes(type) ? "file" : "other", data, target, pointsTo: "" };
}

/** Links, devices, folders and pipes have none, whatever size they claim; only hard links may, as some writers do. */
function hasData(file: FileWindow, { header: { type }, at }: Found, size: number): boolean {
  if (type !== "1") return !"23456".includes(type);
  const next = at + BLOCK;
  if (size === 0 || next + BLOCK > file.size) return false;
  const block = file.read(next, BLOCK);
  return !block.equals(ZEROS) && readHeader(block) === null;
}

function dataOf(file: FileWindow, { at }: Found, size: number, name: string): ByteRange {
  const data = { begin: at + BLOCK, end: at + BLOCK + size };
  if (data.end > file.size) throw truncated(file, `within ${name}`);
  return data;
}

/** What a symbolic link points to, as seen from where it lies. */
function beside(name: string, target: string): string {
  return posix.isAbsolute(target) ? target : posix.join(posix.dirname(name), target);
}

function damaged(file: FileWindow, at: number): PeaError {
  return new PeaError(`${file.path} has no tar header at byte ${at}: the file is damaged, or no tar archive`);
}

function truncated(file: FileWindow, where: string): PeaError {
  return new PeaError(`${file.path} ends ${where}: it is incomplete; get it again`);
}

function followed(file: FileWindow, end: number, at: number): PeaError {
  return new PeaError(
    `${file.path} ends at byte ${end} by its own account, but no tar header begins the bytes from ${at} on. Either the ` +
      "file has holes, as an unfinished download: get it again; or something was appended: cut it off, " +
      `truncate --size=${at} ${file.path}`,
  );
}

function notRead(file: FileWindow, name: string, problem: string): PeaError {
  return new PeaError(`${file.path} holds ${name} as ${problem}`);
}
