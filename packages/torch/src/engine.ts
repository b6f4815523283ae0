import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { nativeBinaries } from "./binaries/index.ts";
import { native } from "./binding.ts";
import { rethrow } from "./tensor.ts";

/** Threads that one operator may use. */
export function getNumThreads(): number {
  return native.numThreads();
}

/** @throws TorchError unless an integer from 1 to 1024 */
export function setNumThreads(count: number): void {
  rethrow("setNumThreads", () => native.setNumThreads(count));
}

/**
 * Runs `body` with autocast, on the CPU and on CUDA: matrix products and convolutions compute in `dtype`, the rest
 * stays in float32 where it must (libtorch's own lists). Synchronous; nests. `null` switches autocast off inside an
 * autocast region.
 *
 * @throws TorchError for any other dtype
 */
export function autocast<T>(dtype: "bfloat16" | null, body: () => T): T {
  const before = rethrow("autocast", () => native.autocastBegin(dtype));
  try {
    return body();
  } finally {
    native.autocastEnd(before);
  }
}

/**
 * Loads a shared library that registers operators (`TORCH_LIBRARY`); `call` finds them afterwards.
 * @throws TorchError with the loader's message
 */
export function loadLibrary(path: string): void {
  rethrow("loadLibrary", () => native.loadLibrary(path));
}

/** Whether the engine has CUDA and a GPU is there, so that `device: "cuda"` works. */
export function cudaIsAvailable(): boolean {
  return native.cudaIsAvailable();
}

/** What is loaded: for bug reports, benchmarks and `pea doctor`. */
export interface EngineInfo {
  /** libtorch's version. */
  version: string;
  /** The folder its libraries lie in. */
  libraries: string;
  /** Build settings and libraries, as libtorch prints them. */
  config: string;
  /** Threading settings, as libtorch prints them. */
  parallel: string;
  allocator: string;
  /** The BLAS that was really loaded, as file names; empty where it is linked into libtorch. */
  blas: string[];
}

export function engineInfo(): EngineInfo {
  // The addon names the same folder, maybe by way of links.
  return { ...native.engineInfo(), libraries: dirname(nativeBinaries().engine.library), blas: loadedBlas() };
}

function loadedBlas(): string[] {
  let maps: string;
  try {
    maps = readFileSync("/proc/self/maps", "utf8");
  } catch {
    return [];
  }
  const files = maps.match(/\/\S*\/lib(openblas|blas|mkl_rt|blis|cblas)[^/\s]*/g) ?? [];
  return [...new Set(files)];
}
