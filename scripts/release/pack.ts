/**
 * Makes the packages as they would be published: the native files of both engines into `binaries/`, a tarball of each
 * package into `release/`. LIBTORCH names the folder `torch` of PyPI's wheel that native files are built for.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { nativeSearch, searchBinaries, targetOf, thisSystem } from "@pea/torch/binaries";
import { tarballFolder } from "./tarballs.ts";

const root = join(import.meta.dirname, "../..");

const { LIBTORCH } = process.env;
if (LIBTORCH === undefined) throw new Error("LIBTORCH must name the wheel that the packages are made for");
gatherBinaries({});
gatherBinaries({ LIBTORCH });
for (const parent of ["packages", "binaries"])
  for (const name of readdirSync(join(root, parent))) {
    rmSync(join(root, parent, name, "dist"), { recursive: true, force: true });
    copyFileSync(join(root, "LICENSE"), join(root, parent, name, "LICENSE"));
  }
run("node_modules/.bin/tsc", "-b");
rmSync(tarballFolder, { recursive: true, force: true });
mkdirSync(tarballFolder);
run("npm", "pack", "--workspaces", "--pack-destination", tarballFolder);

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

function run(command: string, ...words: string[]): string {
  return execFileSync(command, words, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
