import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { TorchError } from "./error.ts";

/** A native tensor as the addon hands it out; only `Tensor` holds one. */
export type Handle = { readonly __handle: unique symbol };

/** The addon's functions. Kept private to this package: what users see is checked and typed. */
export interface Binding {
  resolve(name: string): number;
  call(id: number, args: unknown[]): unknown;
  schema(name: string): string;
  shape(tensor: Handle): number[];
  strides(tensor: Handle): number[];
  dtype(tensor: Handle): string;
  device(tensor: Handle): string;
  isContiguous(tensor: Handle, memoryFormat: string): boolean;
  item(tensor: Handle): number | bigint | boolean;
  dispose(tensor: Handle): void;
  same(a: Handle, b: Handle): boolean;
  fromBytes(array: NodeJS.TypedArray, dtype: string, shape: readonly number[]): Handle;
  toBytes(tensor: Handle, dtype: string): ArrayBuffer;
  copyBytes(tensor: Handle, array: NodeJS.TypedArray): void;
  /** While true, V8 does not hear of tensors' bytes; with false it hears of the difference. */
  setInScope(inside: boolean): void;
  memoryStats(): [tensors: number, bytes: number, inUse: number, cached: number];
  emptyCache(): void;
  requiresGrad(tensor: Handle): boolean;
  setRequiresGrad(tensor: Handle, value: boolean): void;
  isLeaf(tensor: Handle): boolean;
  gradient(tensor: Handle): Handle | null;
  setGradient(tensor: Handle, gradient: Handle | null): void;
  gradEnabled(): boolean;
  setGradEnabled(value: boolean): void;
  backward(outputs: Handle[], gradients: Handle[] | null, retainGraph: boolean, createGraph: boolean): void;
  grad(
    outputs: Handle[],
    inputs: Handle[],
    gradients: Handle[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (Handle | null)[];
  manualSeed(seed: number | bigint): void;
  rngState(device: string): Handle;
  setRngState(state: Handle, device: string): void;
  numThreads(): number;
  setNumThreads(count: number): void;
  autocastBegin(dtype: string | null): string | null;
  autocastEnd(previous: string | null): void;
  loadLibrary(path: string): void;
  cudaIsAvailable(): boolean;
  engineInfo(): { version: string; libraries: string; config: string; parallel: string; allocator: string };
}

/** A libtorch 2.x to use instead of Debian's: the `torch` folder of PyPI's wheel. */
interface Engine {
  directory: string;
  /** What pointed there, for messages. */
  origin: string;
}

function chosenEngine(): Engine | undefined {
  if (process.env.LIBTORCH) return { directory: process.env.LIBTORCH, origin: "LIBTORCH" };
  const library = process.env.VIRTUAL_ENV && join(process.env.VIRTUAL_ENV, "lib");
  if (!library || !existsSync(library) || !existsSync(addonPath("build-libtorch2"))) return undefined;
  const directory = readdirSync(library)
    .map((python) => join(library, python, "site-packages", "torch"))
    .find((candidate) => existsSync(join(candidate, "lib", "libtorch_cpu.so")));
  return directory === undefined ? undefined : { directory, origin: "the active Python environment" };
}

function addonPath(folder: string): string {
  return fileURLToPath(new URL(`../${folder}/pea_torch.node`, import.meta.url));
}

const engine = chosenEngine();

/**
 * The name of the build folders that belong to the chosen engine: `build` for Debian's libtorch, `build-libtorch2`
 * for PyPI's (chosen by `LIBTORCH`, or by an active Python environment once the addon is built for it). Libraries
 * of other packages that are loaded into the engine (see `loadLibrary`) use the same name.
 */
export const buildFolder = engine === undefined ? "build" : "build-libtorch2";

/**
 * OpenMP's threads wait for one another by spinning, for milliseconds unless told otherwise. Where another process wants
 * a processor too, each wait then costs its whole time slice. This is short, though not as short as OpenMP's own choice
 * where it knows of more threads than processors, which costs small networks 6 % of a step on an idle machine. Must
 * precede the load of libtorch.
 */
function shortenSpinning(): void {
  if (!process.env.OMP_WAIT_POLICY) process.env.GOMP_SPINCOUNT ??= "2000";
}

function load(): Binding {
  shortenSpinning();
  const path = addonPath(buildFolder);
  const remedy =
    engine === undefined
      ? "Run `npm run setup` in the project's root: it installs libtorch (Debian: libtorch-dev) and builds the addon."
      : `Build it for ${engine.directory} (${engine.origin}; \`npm run test:libtorch2\` does), or unset LIBTORCH and VIRTUAL_ENV to use Debian's libtorch.`;
  if (!existsSync(path)) throw new TorchError(`The native addon ${path} is not built. ${remedy}`);
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)(path) as Binding;
  } catch (error) {
    throw new TorchError(`The native addon ${path} cannot be loaded: ${(error as Error).message}. ${remedy}`);
  }
  const { libraries } = binding.engineInfo();
  if (engine !== undefined && resolve(libraries) !== resolve(engine.directory, "lib")) {
    throw new TorchError(
      `The native addon ${path} was built for ${libraries}, but ${engine.origin} names ${engine.directory}. ${remedy}`,
    );
  }
  return binding;
}

/** The loaded addon. Operators use all processors unless OMP_NUM_THREADS says otherwise. */
export const native: Binding = load();
if (!process.env.OMP_NUM_THREADS) native.setNumThreads(availableParallelism());
