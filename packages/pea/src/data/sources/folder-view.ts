import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";

/** What a folder holds, by names, of which those with a leading dot are passed over. */
export interface FolderView {
  readonly path: string;
  /** Files and folders. */
  readonly names: readonly string[];
  /** The folders among them; links are followed. */
  readonly folders: readonly string[];
  /** Files and folders, and those in the folders. */
  readonly namesWithin: readonly string[];
}

/**
 * Looks into a folder.
 *
 * @throws PeaError (usage) when it cannot be read
 */
export function viewFolder(path: string): FolderView {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  } catch (error) {
    throw new PeaError(`cannot read ${path}: ${(error as Error).message}`, { kind: "usage" });
  }
  const names = entries.map(({ name }) => name);
  const folders = entries.filter((entry) => isFolder(path, entry)).map(({ name }) => name);
  return {
    path,
    names,
    folders,
    get namesWithin() {
      return [...names, ...folders.flatMap((name) => viewFolder(join(path, name)).names)];
    },
  };
}

function isFolder(path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(join(path, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
