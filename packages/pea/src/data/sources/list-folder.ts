import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { isImageName } from "../../images/image-names.ts";

/**
 * Folders and files that a folder holds, in the order of their code points; links are followed, names with a leading dot
 * passed over. A link to nothing that is called as an image is a file, which cannot be read.
 *
 * @throws PeaError (usage) when it cannot be read, or holds another link to nothing: a folder of images, it may be
 */
export async function listFolder(path: string): Promise<{ folders: string[]; files: string[] }> {
  const folders: string[] = [];
  const files: string[] = [];
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const real = entry.isSymbolicLink() ? await followLink(join(path, entry.name)) : entry;
      if (real?.isDirectory()) folders.push(entry.name);
      else if (real?.isFile() || real === null) files.push(entry.name);
    }
  } catch (error) {
    throw usage(`cannot read ${path}: ${(error as Error).message}`);
  }
  return { folders: sortNames(folders), files: sortNames(files) };
}

/** What a link leads to; null where it is called as an image and leads to nothing. */
async function followLink(link: string): Promise<Stats | null> {
  try {
    return await stat(link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (isImageName(link)) return null;
    throw new Error(`${link} is a link to nothing; bring back what it leads to, or remove it`);
  }
}

/** By code point, as Python sorts. JavaScript compares UTF-16 units, which is the same below the surrogates. */
export function sortNames(names: string[]): string[] {
  const isPlain = !names.some((name) => /[\ud800-\uffff]/.test(name));
  return isPlain ? names.sort() : names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Some of the names, and how many more there are. */
export function enumerate(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
