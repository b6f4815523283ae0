import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PeaError } from "@pea/core";

/**
 * Folders and files that a folder holds, in the order of their code points; links are followed, names with a leading dot
 * passed over.
 *
 * @throws PeaError (usage) when it cannot be read
 */
export async function listFolder(path: string): Promise<{ folders: string[]; files: string[] }> {
  const folders: string[] = [];
  const files: string[] = [];
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const real = entry.isSymbolicLink() ? await stat(join(path, entry.name)) : entry;
      if (real.isDirectory()) folders.push(entry.name);
      else if (real.isFile()) files.push(entry.name);
    }
  } catch (error) {
    throw usage(`cannot read ${path}: ${(error as Error).message}`);
  }
  return { folders: sortNames(folders), files: sortNames(files) };
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
