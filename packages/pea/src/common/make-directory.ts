import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PeaError } from "@pea/core";

/**
 * Makes a directory and those above it, unless it is there.
 *
 * @throws PeaError naming it and the reason
 */
export function makeDirectory(path: string): void {
  try {
    makeDirectories(resolve(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new PeaError(`${path} is a file, not a directory`, { kind: "usage" });
    throw new PeaError(`cannot make the directory ${path}: ${message}`);
  }
}

/** Node's own recursive `mkdirSync` takes a read-only file system for a missing parent and never returns below /proc. */
function makeDirectories(path: string): void {
  if (!existsSync(dirname(path))) makeDirectories(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST" && statSync(path).isDirectory();
    if (!isThere) throw error;
  }
}
