/**
 * Which libtorch this process runs on, and which native files: found without loading either.
 *
 * @module
 */
import { type Binaries, type Home, homeOf, type Search, searchBinaries } from "./binaries.ts";
import { doesNotLoad, noBinaries, readSystem } from "./remedies.ts";

export { hasEnded } from "../processes.ts";
export {
  type Binaries,
  builtFolder,
  checkoutFolder,
  describeEngine,
  type Home,
  homeOf,
  isCheckout,
  type NativePackage,
  nativeFiles,
  type PassedOver,
  type Search,
  searchBinaries,
  setupCommand,
  targetOf,
} from "./binaries.ts";
export { type Engine, type EnginePlace, enginePlaces, thisSystem } from "./engines.ts";
export {
  describeNccl,
  type NoNccl,
  ncclFailure,
  ncclFailureFile,
  ncclFile,
  ncclIncludes,
  noNcclBeside,
} from "./nccl.ts";
export { aptCommand, buildPackages, engineCommand, readSystem, type System } from "./remedies.ts";

let here: { home: Home; search: Search } | undefined;

/** This package, and what was found for it; looked for once. */
export function nativeSearch(): { readonly home: Home; readonly search: Search } {
  if (here === undefined) {
    const home = homeOf(import.meta.url);
    here = { home, search: searchBinaries(home) };
  }
  return here;
}

/**
 * The binaries that this process uses.
 *
 * @throws TorchError where there is no engine, or none with binaries: says what was looked at, and what to do
 */
export function nativeBinaries(): Binaries {
  const { home, search } = nativeSearch();
  if (search.binaries === undefined) throw noBinaries(home, search, readSystem());
  return search.binaries;
}

/** The error for a native file of this process that does not load, with its cause and what to do. */
export const notLoadable = (file: string, cause: unknown): Error =>
  doesNotLoad(nativeSearch().home, nativeBinaries(), file, (cause as Error).message, readSystem());
