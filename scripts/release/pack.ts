/**
 * Makes the packages as they would be published: the native files of both engines into `binaries/`, a tarball of each
 * package into a folder.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { nativeSearch, searchBinaries, targetOf, thisSystem } from "@pea/torch/binaries";

const root = join(import.meta.dirname, "../..");

/** A tarball by its package's name. */
export type Tarballs = Readonly<Record<string, string>>;

/**
 * @param wheel folder `torch` of PyPI's wheel that the native files are built for
 * @param folder for the tarballs
 */
export function packAll(wheel: string, folder: string): Tarballs {
  gatherBinaries({});
  gatherBinaries({ LIBTORCH: wheel });
  for (const parent of ["packages", "binaries"])
    for (const name of readdirSync(join(root, parent))) {
      rmSync(join(root, parent, name, "dist"), { recursive: true, force: true });
      copyFileSync(join(root, "LICENSE"), join(root, parent, name, "LICENSE"));
    }
  run("node_modules/.bin/tsc", "-b");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const packed = run("npm", "pack", "--workspaces", "--json", "--pack-destination", folder);
  const entries: { name: string; filename: string }[] = JSON.parse(packed);
  return Object.fromEntries(entries.map(({ name, filename }) => [name, join(folder, filename)]));
}

/** Copies the native files built for the engine in this environment to the package for it. */
function gatherBinaries(environment: Record<string, string>): void {
  const { binaries } = searchBinaries(nativeSearch().home, { ...thisSystem, environment });
  if (binaries === undefined) throw new Error(`nothing is built for ${JSON.stringify(environment)}`);
  const folder = join(root, "binaries", targetOf(binaries.engine));
  for (const of of ["torch", "kernels", "pea"] as const) {
    const file = binaries.file(of);
    run("strip", "-o", join(folder, basename(file)), file);
  }
  // Other systems have it under another name, or not at all.
  const jpeg = libraryOf(binaries.file("pea"), "libjpeg.so.62");
  run("strip", "-o", join(folder, "libjpeg.so.62"), realpathSync(jpeg));
  copyFileSync("/usr/share/doc/libjpeg62-turbo/copyright", join(folder, "LICENSE-libjpeg-turbo"));
}

/** Path of a library that a file is linked to. */
function libraryOf(file: string, name: string): string {
  const [, path] = new RegExp(`${name} => (\\S+)`).exec(run("ldd", file)) ?? [];
  if (path === undefined) throw new Error(`${file} is not linked to ${name}`);
  return path;
}

/** Newest version of glibc that a file asks for. */
export function glibcOf(file: string): string {
  const versions = run("readelf", "--version-info", "--wide", file).match(/(?<=GLIBC_)[\d.]+/g) ?? [];
  return versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? "none";
}

/** Whether a file names a folder in which to look for its libraries, other than its own. */
export const namesFolder = (file: string): boolean =>
  /R(UN)?PATH.*\[(?!\$ORIGIN\])/.test(run("readelf", "--dynamic", "--wide", file));

function run(command: string, ...words: string[]): string {
  return execFileSync(command, words, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
