/**
 * Makes this system ready to train: an engine, and native files that load on it.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PeaError } from "@pea/core";
import {
  checkoutFolder,
  type Engine,
  type Home,
  isCheckout,
  type NoNccl,
  nativeBinaries,
  nativeFiles,
  nativeSearch,
  ncclIncludes,
  noNcclBeside,
} from "@pea/torch/binaries";
import { buildBinaries, type Log, notAgain } from "./build.ts";
import { checkVersion, engineToServe } from "./engine.ts";
import { keepFailure, wouldFailAgain } from "./nccl-failure.ts";
import { compilerTooOld, missingTools } from "./tools.ts";

export type { Log } from "./build.ts";

/** What was set up. */
export interface Setup {
  readonly engine: Engine;
  /** Folder that was built into; undefined where binaries were there and load. */
  readonly built: string | undefined;
  /** Why there is no NCCL for it; undefined where there is. */
  readonly noNccl: NoNccl | undefined;
}

/**
 * Finds the engine and builds the native files for it where there are none, or where those there are do not load, or come without NCCL
 * that the engine has, unless building that failed and would again. In a checkout it always builds what has changed.
 *
 * @throws TorchError where there is no engine, with the command that brings one
 * @throws PeaError where tools are missing, with the command that brings them, and where the build fails
 */
export async function setUp(log: Log, { home, search } = nativeSearch()): Promise<Setup> {
  const engine = engineToServe(search);
  // Says what was looked at.
  if (engine === undefined) return { engine: nativeBinaries().engine, built: undefined, noNccl: undefined };
  const there = search.binaries?.engine.name === engine.name ? search.binaries : undefined;
  const missing = missingTools(engine);
  if (there !== undefined && !isCheckout(home) && (await probe()) === "") {
    const noNccl = noNcclBeside(there.file("torch"), engine, home);
    const canBuild = noNccl !== undefined && !("why" in ncclIncludes(engine)) && missing === undefined;
    if (!canBuild) return { engine, built: undefined, noNccl };
    if (wouldFailAgain(home, engine)) {
      log(notAgain);
      return { engine, built: undefined, noNccl };
    }
    let built: string;
    try {
      checkVersion(engine);
      built = await buildBinaries(home, engine, log);
    } catch (error) {
      // All but NCCL is ready as before.
      keepFailure(home, engine, error as Error);
      return { engine, built: undefined, noNccl: noNcclBeside(there.file("torch"), engine, home) };
    }
    return builtFor(home, engine, built);
  }
  checkVersion(engine);
  if (missing !== undefined) throw new PeaError(missing);
  const built = await buildBinaries(home, engine, log).catch((error: Error) => {
    const why = compilerTooOld(engine);
    throw why === undefined ? error : new PeaError(`${error.message}\n\n${why}`, { cause: error });
  });
  return builtFor(home, engine, built);
}

/** What was built, once it loads. */
async function builtFor(home: Home, engine: Engine, built: string): Promise<Setup> {
  const failure = await probe();
  if (failure !== "") throw new PeaError(`what was built in ${built} does not load: ${failure}`);
  const folder = isCheckout(home) ? checkoutFolder(home, "torch", engine) : built;
  return { engine, built, noNccl: noNcclBeside(join(folder, nativeFiles.torch), engine, home) };
}

/** @returns why the native files do not load in a new process; empty where they do */
async function probe(): Promise<string> {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const program = fileURLToPath(new URL(`./probe${ending}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, program], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.setEncoding("utf8");
  let words = "";
  child.stderr.on("data", (text: string) => {
    words += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return code === 0 ? "" : words || `exit code ${code}`;
}
