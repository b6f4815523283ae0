/** What pea setup keeps of a build for NCCL that failed, so that it is not tried again as long as it would fail again. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Engine, type Home, ncclFailure, ncclFailureFile, ncclIncludes } from "@pea/torch/binaries";
import { compiler } from "./tools.ts";

/** Whether the last build for NCCL failed with all that it depends on as it is now. */
export function wouldFailAgain(home: Home, engine: Engine): boolean {
  const failure = ncclFailure(home, engine);
  return failure !== undefined && failure.of === dependencies(home, engine);
}

/** What lacks a disk or memory for a while. */
const PASSING = /no space left|killed|cannot allocate|out of memory|resource temporarily/i;

/**
 * Keeps nothing of what passes by itself, and nothing where nothing can be written: the next setup tries again.
 *
 * @param error of CMake, with the end of its output
 */
export function keepFailure(home: Home, engine: Engine, error: Error): void {
  if (PASSING.test(error.message)) return;
  const lines = error.message.split("\n").filter((line) => line.trim() !== "");
  const why = lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? "";
  const file = ncclFailureFile(home, engine);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${dependencies(home, engine)}\n${why.trim()}\n`);
  } catch {
    // A full disk or a folder of others'.
  }
}

export const forgetFailure = (home: Home, engine: Engine): void =>
  rmSync(ncclFailureFile(home, engine), { force: true });

/** A digest of the sources, the engine, the folders of headers and the compiler. */
function dependencies(home: Home, engine: Engine): string {
  const hash = createHash("sha256");
  const sources = join(home.folder, "native");
  for (const name of (readdirSync(sources, { recursive: true }) as string[]).sort())
    if (statSync(join(sources, name)).isFile())
      hash.update(`${name}\n`).update(readFileSync(join(sources, name)));
  const includes = ncclIncludes(engine);
  // Of a folder the time changes with the files in it: wheels come with others.
  for (const path of [engine.library, ...("why" in includes ? [] : includes)])
    hash.update(`${path} ${statSync(path).mtimeMs}\n`);
  const { stdout } = spawnSync(compiler(), ["--version"], { encoding: "utf8" });
  return hash.update(`${compiler()} ${stdout}`).digest("hex");
}
