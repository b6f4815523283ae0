/**
 * The packages that `pack.ts` has made.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Where they lie. */
export const tarballFolder = join(import.meta.dirname, "../../release");

/** What npm knows a package by. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** The tarballs by their packages' names. */
export function findTarballs(): Readonly<Record<string, string>> {
  const names = existsSync(tarballFolder) ? readdirSync(tarballFolder) : [];
  if (names.length === 0)
    throw new Error(`there are no tarballs in ${tarballFolder}: npm run release:check makes them`);
  const files = names.map((name) => join(tarballFolder, name));
  return Object.fromEntries(files.map((file) => [manifestOf(file).name, file]));
}

/** The package.json in a tarball. */
export function manifestOf(tarball: string): Manifest {
  const words = ["-xzOf", tarball, "package/package.json"];
  return JSON.parse(execFileSync("tar", words, { encoding: "utf8" }));
}
