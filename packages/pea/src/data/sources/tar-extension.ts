/**
 * Extended headers: members of a tar archive that say of the member behind them what does not fit into its header.
 *
 * @module
 */
import type { FileWindow } from "./file-window.ts";
import type { ByteRange } from "./sample-source.ts";
import { decodeName, untilZero } from "./tar-header.ts";

/** What stands in place of the header's own fields. */
export interface Extension {
  readonly name?: string;
  readonly size?: number;
  readonly target?: string;
  /** Whether the data are a file with its holes left out, and a map of them. */
  readonly isSparse?: boolean;
}

/** Longest name that is read, in bytes: beyond what systems open (4096), and small to hold. */
const MAX_NAME = 2 ** 20;
/** Bytes in which the length and the key of a pax record are looked for. */
const MAX_KEY = 1024;

/**
 * The records `LENGTH KEY=VALUE` of a pax header, of which those that count are read; of a key that comes twice the last
 * one counts, and one without a value takes an earlier one back. null where they break the format.
 */
export function readPaxHeader(file: FileWindow, { begin, end }: ByteRange): Extension | null {
  let extension: Extension = {};
  for (let at = begin; at < end; ) {
    const head = file.read(at, Math.min(MAX_KEY, end - at)).toString("latin1");
    // Some writers fill the header up.
    if (head.startsWith("\0")) break;
    const [start = "", length, key = ""] = /^(\d+) ([^=]+)=/.exec(head) ?? [];
    const value = { begin: at + start.length, end: at + Number(length) - 1 };
    if (start === "" || value.end < value.begin || value.end >= end) return null;
    if (file.read(value.end, 1).toString() !== "\n") return null;
    const change = recordOf(file, key, value);
    if (change === null) return null;
    extension = { ...extension, ...change };
    at = value.end + 1;
  }
  return extension;
}

/** What a record changes; null where its value breaks the format. */
function recordOf(file: FileWindow, key: string, value: ByteRange): Extension | null {
  if (key.startsWith("GNU.sparse.")) return { isSparse: true };
  if (key !== "path" && key !== "linkpath" && key !== "size") return {};
  const name = readName(file, value);
  if (name === null) return null;
  if (key === "size") return /^\d*$/.test(name) ? { size: name === "" ? undefined : Number(name) } : null;
  return { [key === "path" ? "name" : "target"]: name === "" ? undefined : name };
}

/** A name that is the data of a member, as GNU writes long ones; null for one beyond a million bytes. */
export function readName(file: FileWindow, { begin, end }: ByteRange): string | null {
  return end - begin > MAX_NAME ? null : decodeName(untilZero(file.read(begin, end - begin)));
}
