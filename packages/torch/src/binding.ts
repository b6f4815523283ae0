import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
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
  memoryStats(): [tensors: number, bytes: number];
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
  rngState(): Handle;
  setRngState(state: Handle): void;
  numThreads(): number;
  setNumThreads(count: number): void;
  autocastBegin(dtype: string | null): string | null;
  autocastEnd(previous: string | null): void;
  loadLibrary(path: string): void;
  cudaIsAvailable(): boolean;
  engineInfo(): { version: string; libraries: string; config: string; parallel: string; allocator: string };
}

const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

/** The folder of a libtorch 2.x to use instead of Debian's: `LIBTORCH`, or `torch` in the active Python environment. */
function libtorchDirectory(): string | undefined {
  if (process.env.LIBTORCH) return process.env.LIBTORCH;
  if (!process.env.VIRTUAL_ENV) return undefined;
  const library = join(process.env.VIRTUAL_ENV, "lib");
  if (!existsSync(library)) return undefined;
  return pythonDirectories(library).find((directory) =>
    existsSync(join(directory, "lib", "libtorch_cpu.so")),
  );
}

function pythonDirectories(library: string): string[] {
  return readdirSync(library)
    .filter((name) => name.startsWith("python3"))
    .map((name) => join(library, name, "site-packages", "torch"));
}

/**
 * The name of the build folders that belong to the chosen engine: `build` for Debian's libtorch, `build-libtorch2`
 * for PyPI's. Libraries of other packages that are loaded into the engine (see `loadLibrary`) use the same name.
 */
export const buildFolder = libtorchDirectory() === undefined ? "build" : "build-libtorch2";

function load(): Binding {
  const path = join(packageDirectory, buildFolder, "pea_torch.node");
  const rebuild =
    buildFolder === "build"
      ? "Run `npm run setup` in the project's root, which installs libtorch (Debian: libtorch-dev) and builds it."
      : "Run `npm run test:libtorch2` once, which builds it, or unset LIBTORCH and VIRTUAL_ENV for Debian's libtorch.";
  if (!existsSync(path)) throw new TorchError(`The native addon ${path} is not built. ${rebuild}`);
  try {
    return createRequire(import.meta.url)(path) as Binding;
  } catch (error) {
    throw new TorchError(
      `The native addon ${path} cannot be loaded: ${(error as Error).message}. ${rebuild}`,
    );
  }
}

export const native: Binding = load();
