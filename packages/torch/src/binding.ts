import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, constants } from "node:os";
import { dirname } from "node:path";
import { describeEngine, type Engine, nativeBinaries, notLoadable } from "./binaries/index.ts";
import { TorchError } from "./error.ts";
import type { TypedArray } from "./typed-array.ts";
import { keepUcxQuiet } from "./ucx.ts";

/** A native thing as the addon hands it out: a tensor, which only `Tensor` holds, a store or a process group. */
export type Handle = { readonly __handle: unique symbol };

/** The addon's functions. Kept private to this package: what users see is checked and typed. */
export interface Binding {
  resolve(name: string): number;
  call(id: number, ...args: unknown[]): unknown;
  schema(name: string): string;
  shape(tensor: Handle): number[];
  strides(tensor: Handle): number[];
  dtype(tensor: Handle): string;
  device(tensor: Handle): string;
  /** One more; not recorded for backward. */
  countUp(tensor: Handle): void;
  isContiguous(tensor: Handle, memoryFormat: string): boolean;
  item(tensor: Handle): number | bigint | boolean;
  dispose(tensor: Handle): void;
  same(a: Handle, b: Handle): boolean;
  fromBytes(array: TypedArray, dtype: string, shape: readonly number[]): Handle;
  toBytes(tensor: Handle, dtype: string): ArrayBuffer;
  copyBytes(tensor: Handle, array: TypedArray): void;
  /** While true, V8 does not hear of tensors' bytes; with false it hears of the difference. */
  setInScope(inside: boolean): void;
  memoryStats(): [tensors: number, bytes: number, inUse: number, cached: number];
  emptyCache(): void;
  requiresGrad(tensor: Handle): boolean;
  setRequiresGrad(tensor: Handle, value: boolean): void;
  isLeaf(tensor: Handle): boolean;
  gradient(tensor: Handle): Handle | null;
  setGradient(tensor: Handle, gradient: Handle | null): void;
  gradients(tensors: Handle[]): (Handle | null)[];
  clearGradients(tensors: Handle[]): void;
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
  connectTcpStore(
    host: string,
    port: number,
    isServer: boolean,
    milliseconds: number,
  ): Promise<[store: Handle, port: number]>;
  openFileStore(path: string, worldSize: number): Handle;
  prefixStore(store: Handle, prefix: string): Handle;
  storeSet(store: Handle, key: string, value: string): Promise<void>;
  storeGet(store: Handle, key: string): Promise<string>;
  storeHas(store: Handle, key: string): Promise<boolean>;
  storeAdd(store: Handle, key: string, amount: number): Promise<number>;
  closeStore(store: Handle): Promise<void>;
  /** @param interfaces with commas, and `host`: empty where not given */
  connectGroup(
    store: Handle,
    rank: number,
    worldSize: number,
    milliseconds: number,
    interfaces: string,
    host: string,
    sharesMemory: boolean,
  ): Promise<Handle>;
  /** @returns why the library at a path does not load; empty where it does, or has */
  openNccl(path: string): string;
  /** Of an NCCL that is open, as the next. */
  gpuName(device: string): string;
  connectNcclGroup(
    store: Handle,
    rank: number,
    worldSize: number,
    milliseconds: number,
    device: string,
  ): Promise<Handle>;
  closeGroup(group: Handle): Promise<void>;
  allReduce(group: Handle, tensors: Handle[], operation: string): Promise<void>;
  broadcast(group: Handle, tensors: Handle[], root: number): Promise<void>;
  allGather(group: Handle, tensor: Handle): Promise<Handle[]>;
  barrier(group: Handle): Promise<void>;
  summed(group: Handle, tensor: Handle): Handle;
  reducer(group: Handle, parameters: Handle[], bucketBytes: number): Handle;
  startReducer(reducer: Handle): void;
  /** Of each bucket. */
  finishReducer(reducer: Handle): Promise<void>[];
  disposeReducer(reducer: Handle): void;
}

/**
 * OpenMP's threads wait for one another by spinning, for milliseconds unless told otherwise. Where another process wants
 * a processor too, each wait then costs its whole time slice. This is short, though not as short as OpenMP's own choice
 * where it knows of more threads than processors, which costs small networks 6 % of a step on an idle machine. Must
 * precede the load of libtorch.
 */
function shortenSpinning(): void {
  if (!process.env.OMP_WAIT_POLICY) process.env.GOMP_SPINCOUNT ??= "2000";
}

/**
 * Loads the engine, so that the addon, which names no folder, takes it for the libtorch that it links to. Debian's lies
 * where the system's loader finds it by itself.
 *
 * Node.js opens any library before it finds that this one is no addon, and closes it again; the flag keeps it loaded.
 *
 * @returns what went wrong, to be told where the addon does not load either
 */
function loadEngine({ library, directory }: Engine): unknown {
  if (directory === undefined) return undefined;
  const noDelete = 0x1000; // RTLD_NODELETE of <dlfcn.h>
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | noDelete);
    return undefined;
  } catch (error) {
    return error;
  }
}

function load(): Binding {
  shortenSpinning();
  const { engine, file } = nativeBinaries();
  const path = file("torch");
  const engineError = loadEngine(engine);
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)(path) as Binding;
  } catch (error) {
    // Where the engine did not load, the addon can only say that it is missing.
    throw notLoadable(
      path,
      /libtorch_cpu|libc10/.test((error as Error).message) ? (engineError ?? error) : error,
    );
  }
  const { libraries } = binding.engineInfo();
  if (realpathSync(libraries) !== realpathSync(dirname(engine.library))) {
    throw new TorchError(
      `${describeEngine(engine)} was chosen, but this process had loaded the one in ${libraries} before. ` +
        "Import @pea/torch before other packages that load a libtorch, or set LIBTORCH to the one that they load.",
    );
  }
  return binding;
}

/** The loaded addon. Operators use all processors unless OMP_NUM_THREADS says otherwise. */
export const native: Binding = keepUcxQuiet(load);
if (!process.env.OMP_NUM_THREADS) native.setNumThreads(availableParallelism());
