/**
 * The files in a tar archive, found by its headers alone.
 *
 * @module
 */
import { posix } from "node:path";
import type { FileWindow } from "./file-window.ts";
import type { ByteRange } from "./sample-source.ts";
import { type TarEntry, tarEntries } from "./tar-entries.ts";

/** A file in a tar archive. */
export interface TarMember {
  /** With the folders it lies in. */
  readonly name: string;
  /** Its bytes in the archive, or what a link points to that the archive does not hold. */
  readonly data: ByteRange | { readonly linkTo: string };
}

/**
 * The regular files of a tar archive in order: POSIX ustar with pax headers, GNU's long names and large sizes, and the
 * formats before them (spec recipes 6.5). A link stands for the file in the archive that it points to, and comes after
 * it. Archives joined end to end are read as one.
 *
 * @throws PeaError naming the archive and the member where it is damaged, truncated, holds a sparse file, or is no tar
 *   at all
 */
export function* tarMembers(file: FileWindow): Generator<TarMember> {
  /** Files by name once there is a link: archives without links need not hold all their names. */
  let places: Map<string, ByteRange> | undefined;
  const waiting: TarEntry[] = [];
  for (const entry of tarEntries(file)) {
    if (entry.kind === "other") continue;
    if (entry.kind === "link") places ??= placesBefore(file, entry);
    const data = entry.kind === "link" ? places?.get(entry.pointsTo) : entry.data;
    if (data === undefined) {
      waiting.push(entry);
      continue;
    }
    places?.set(posix.normalize(entry.name), data);
    yield { name: entry.name, data };
  }
  if (places !== undefined) yield* lateLinks(waiting, places);
}

function placesBefore(file: FileWindow, link: TarEntry): Map<string, ByteRange> {
  const places = new Map<string, ByteRange>();
  for (const { name, kind, data } of tarEntries(file)) {
    if (data.begin === link.data.begin) break;
    if (kind === "file") places.set(posix.normalize(name), data);
  }
  return places;
}

/** Links to files that came after them, or to others of these links. */
function* lateLinks(links: readonly TarEntry[], places: Map<string, ByteRange>): Generator<TarMember> {
  const open: TarEntry[] = [];
  for (const link of links) {
    const data = places.get(link.pointsTo);
    if (data === undefined) {
      open.push(link);
      continue;
    }
    places.set(posix.normalize(link.name), data);
    yield { name: link.name, data };
  }
  if (open.length < links.length) yield* lateLinks(open, places);
  else for (const { name, target } of open) yield { name, data: { linkTo: target } };
}
