/**
 * What a native file asks of the system that loads it, and what it tells of the one that built it.
 *
 * @module
 */
import { execFileSync } from "node:child_process";

/** Newest version of glibc that a file asks for. */
export function glibcOf(file: string): string {
  const versions = readelf("--version-info", file).match(/(?<=GLIBC_)[\d.]+/g) ?? [];
  return versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? "none";
}

/** Whether a file names a folder in which to look for its libraries, other than its own. */
export const namesFolder = (file: string): boolean =>
  /R(UN)?PATH.*\[(?!\$ORIGIN\])/.test(readelf("--dynamic", file));

const readelf = (what: string, file: string): string =>
  execFileSync("readelf", [what, "--wide", file], { encoding: "utf8", maxBuffer: 2 ** 28 });
