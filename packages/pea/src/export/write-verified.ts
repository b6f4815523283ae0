/**
 * Files and folders that appear only once they are verified.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { PeaError } from "@pea/core";
import { isFolder } from "../common/is-folder.ts";
import { ExportInterrupted } from "./export-interrupted.ts";
import type { Content, FileContent } from "./target.ts";

/**
 * Writes beside `path`, and renames once `verify` has passed: what lies under the name was verified. What was there before
 * is then replaced. In a folder of such files, what others left beside them stays.
 *
 * @param verify takes the path of what was written
 * @returns the bytes that were written, and what `verify` gives
 * @throws PeaError naming `path` where it cannot be written, or fails its verification; of kind usage as `verify` does, and for a
 *   folder that is named like one of its files, or either like the other that is there, or a folder of other files: nothing is
 *   left of it
 */
export async function writeVerified<T>(
  path: string,
  content: Content,
  verify: (written: string) => Promise<T>,
): Promise<{ bytes: number; verification: T }> {
  requireFittingName(path, content);
  const unverified = `${path}.${process.pid}.unverified`;
  const cannotWrite = (error: Error) => {
    throw new PeaError(`cannot write ${path}: ${error.message}`, { cause: error });
  };
  const failed = (error: Error) => {
    // What it was to be verified by is amiss, not the file.
    if (error instanceof PeaError && error.kind === "usage") throw error;
    if (error instanceof ExportInterrupted) throw error;
    const reason = error.message.replaceAll(unverified, "the new file");
    throw new PeaError(`${path} is not written, for it failed its verification: ${reason}`, { cause: error });
  };
  try {
    const bytes = await write(unverified, content).catch(cannotWrite);
    const verification = await verify(unverified).catch(failed);
    await replace(unverified, path, content).catch(cannotWrite);
    return { bytes, verification };
  } finally {
    await rm(unverified, { recursive: true, force: true });
  }
}

/**
 * A file needs a name that no folder has, and a folder one that no file has. Whoever names a folder like one of the files in it
 * takes it for that file.
 */
function requireFittingName(path: string, content: Content): void {
  if (isFile(content) && isFolder(path))
    throw new PeaError(`${path} is a folder; name a file in it`, { kind: "usage" });
  if (isFile(content)) return;
  if (existsSync(path) && !isFolder(path))
    throw new PeaError(`${path} is a file; name a folder, or what is not there yet`, { kind: "usage" });
  leftByOthers(path, content);
  if (extname(path) === "") return;
  const names = Object.keys(content);
  const like = names.find((name) => extname(name) === extname(path));
  if (like !== undefined)
    throw new PeaError(
      `${path} would be a folder of ${names.length} files, among them ${like}; name a folder, e.g. ${path.slice(0, -extname(path).length)}`,
      { kind: "usage" },
    );
}

async function write(path: string, content: Content): Promise<number> {
  if (isFile(content)) return writeOne(path, content);
  await rm(path, { recursive: true, force: true });
  let bytes = 0;
  for (const [name, one] of Object.entries(content)) {
    if (one === undefined) continue;
    const file = join(path, name);
    await mkdir(dirname(file), { recursive: true });
    bytes += await writeOne(file, one);
  }
  return bytes;
}

const isFile = (content: Content): content is FileContent =>
  typeof content === "string" || content instanceof Uint8Array;

async function writeOne(file: string, content: FileContent): Promise<number> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await writeFile(file, bytes, { flush: true });
  return bytes.length;
}

/** A file takes the place of another in one step; a folder that has such files, or none, is moved away first. */
async function replace(from: string, to: string, content: Content): Promise<void> {
  if (isFile(content) || !isFolder(to)) return rename(from, to);
  const foreign = leftByOthers(to, content);
  const before = `${to}.${process.pid}.before.unverified`;
  await rename(to, before);
  await rename(from, to);
  for (const name of foreign) await rename(join(before, name), join(to, name));
  await rm(before, { recursive: true, force: true });
}

/** What a folder holds beside files of the same names as the new ones. One that holds nothing else is somebody's own. */
function leftByOthers(folder: string, content: Exclude<Content, FileContent>): string[] {
  if (!isFolder(folder)) return [];
  const own = new Set(Object.keys(content).map((name) => name.split("/")[0]));
  const there = readdirSync(folder);
  const foreign = there.filter((name) => !own.has(name));
  if (foreign.length > 0 && foreign.length === there.length)
    throw new PeaError(
      `${folder} holds ${foreign[0]}, and none of the new files; empty it, or name another folder`,
      { kind: "usage" },
    );
  return foreign;
}
