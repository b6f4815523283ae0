/** Builds the native files of all packages for an engine. */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PeaError } from "@pea/core";
import {
  builtFolder,
  checkoutFolder,
  type Engine,
  type Home,
  hasEnded,
  isCheckout,
  type NativePackage,
  nativeFiles,
  ncclFile,
  ncclIncludes,
  thisSystem,
} from "@pea/torch/binaries";
import { forgetFailure, keepFailure, wouldFailAgain } from "./nccl-failure.ts";

/** Hears of each step. */
export type Log = (line: string) => void;

const packages = Object.keys(nativeFiles) as NativePackage[];

/**
 * Builds for an engine: in a checkout into its packages' folders, where CMake compiles what has changed; elsewhere into a
 * folder of the user's cache, which takes its name when all is built.
 *
 * @returns the folder with the binaries, or that of the checkout's packages
 * @throws PeaError with the end of CMake's output where it fails
 */
export async function buildBinaries(home: Home, engine: Engine, log: Log): Promise<string> {
  if (isCheckout(home)) {
    for (const of of packages) await build(home, of, engine, checkoutFolder(home, of, engine), log);
    return dirname(home.folder);
  }
  const folder = builtFolder(home, engine, thisSystem);
  removeAbandoned(folder);
  const work = `${folder}${workInfix}${process.pid}`;
  const finished = join(work, "finished");
  mkdirSync(finished, { recursive: true });
  try {
    for (const of of packages) {
      await build(home, of, engine, join(work, of), log, ["-DCMAKE_MODULE_LINKER_FLAGS=-s"]);
      renameSync(join(work, of, nativeFiles[of]), join(finished, nativeFiles[of]));
    }
    const nccl = join(work, "torch", ncclFile);
    if (existsSync(nccl)) renameSync(nccl, join(finished, ncclFile));
    if (existsSync(folder)) renameSync(folder, join(work, "replaced"));
    renameSync(finished, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** Between the name of a folder to be and the process that builds it. */
const workInfix = ".building-";

/** Removes what killed processes left. */
function removeAbandoned(folder: string): void {
  const parent = dirname(folder);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const [target, owner] = name.split(workInfix);
    if (target !== basename(folder) || owner === undefined) continue;
    if (hasEnded(Number(owner))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** Configures and builds one package's native sources in a folder. */
async function build(
  home: Home,
  of: NativePackage,
  engine: Engine,
  folder: string,
  log: Log,
  options: readonly string[] = [],
): Promise<void> {
  const sources = join(packageFolder(home, of), "native");
  const cache = join(folder, "CMakeCache.txt");
  // CMake refuses to go on with what it configured before the folder was moved or copied.
  if (
    existsSync(cache) &&
    !readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${sources}\n`)
  ) {
    rmSync(folder, { recursive: true });
  }
  log(`building ${nativeFiles[of]}${existsSync(cache) ? "" : " (may take minutes)"}`);
  mkdirSync(folder, { recursive: true });
  const headers = createRequire(join(home.folder, "package.json")).resolve("node-api-headers/package.json");
  const includes = ncclIncludes(engine);
  const hasNccl = of === "torch" && !("why" in includes);
  const settings = {
    CMAKE_BUILD_TYPE: "Release",
    NODE_MODULES: dirname(dirname(headers)),
    TORCH_DIR: engine.directory ?? "",
    NCCL_INCLUDES: hasNccl ? includes.join(";") : "",
  };
  const defined = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  await cmake(folder, ["-S", sources, "-B", folder, "--no-warn-unused-cli", ...defined, ...options]);
  await cmake(folder, ["--build", folder, "--parallel", String(availableParallelism())]);
  if (hasNccl) await buildNccl(home, engine, folder, log);
}

/** Nothing else is in want of it where it cannot be built. */
async function buildNccl(home: Home, engine: Engine, folder: string, log: Log): Promise<void> {
  if (wouldFailAgain(home, engine)) return log(notAgain);
  log(`building ${ncclFile}`);
  try {
    await cmake(folder, ["--build", folder, "--target", "pea_nccl"]);
    forgetFailure(home, engine);
  } catch (error) {
    rmSync(join(folder, ncclFile), { force: true });
    keepFailure(home, engine, error as Error);
    log(`${(error as Error).message}\n${ncclFile} is left out`);
  }
}

/** Where it is not tried. */
export const notAgain = `${ncclFile} is not built: that failed before, and what it is built of has not changed`;

/** Folder of a package, wherever npm has put it. */
function packageFolder(home: Home, of: NativePackage): string {
  if (of === "torch") return resolve(home.folder);
  const folder =
    of === "pea" ? new URL("../..", import.meta.url) : new URL("..", import.meta.resolve("@pea/kernels"));
  return resolve(fileURLToPath(folder));
}

/** Runs CMake with its output in a file. */
async function cmake(folder: string, words: readonly string[]): Promise<void> {
  const file = join(folder, "output.log");
  const output = openSync(file, "w");
  try {
    const child = spawn("cmake", words, { stdio: ["ignore", output, output] });
    const code = await new Promise<number | null>((ended, failed) => {
      child.once("error", failed);
      child.once("close", ended);
    });
    if (code !== 0) {
      const end = readFileSync(file, "utf8").trimEnd().split("\n").slice(-40).join("\n");
      throw new PeaError(`${end}\ncmake ${words.join(" ")} failed with exit code ${code}`);
    }
  } finally {
    closeSync(output);
  }
}
