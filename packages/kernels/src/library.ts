import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildFolder, loadLibrary } from "@pea/torch";

let loaded: boolean | undefined;

/**
 * Loads the fused operators into the engine, once per process.
 *
 * @returns whether `pea::…` operators are there: false with `PEA_KERNELS=off` and where the library is not built
 * @throws TorchError when the library is there and cannot be loaded
 */
export function loadKernels(): boolean {
  loaded ??= load();
  return loaded;
}

function load(): boolean {
  if (process.env.PEA_KERNELS === "off") return false;
  const path = fileURLToPath(new URL(`../${buildFolder}/libpea_kernels.so`, import.meta.url));
  if (!existsSync(path)) return false;
  loadLibrary(path);
  return true;
}
