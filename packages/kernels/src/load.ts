import { existsSync } from "node:fs";
import { loadLibrary, TorchError } from "@pea/torch";
import { nativeBinaries, notLoadable } from "@pea/torch/binaries";

let loaded: boolean | undefined;

/**
 * Loads the fused operators built for the loaded engine, once per thread. `ensembleAct` and `standardizeBytes` do it by
 * themselves; layers and optimizers run on them after `useKernels`.
 *
 * @returns false where they are switched off (`PEA_KERNELS=off`) or not built: then plain operators do the work
 * @throws TorchError when the library is there but cannot be loaded, or for another value of `PEA_KERNELS` than on or off
 */
export function loadKernels(): boolean {
  loaded ??= load();
  return loaded;
}

function load(): boolean {
  const { PEA_KERNELS: wish = "on" } = process.env;
  if (wish !== "on" && wish !== "off") throw new TorchError(`PEA_KERNELS must be on or off, not "${wish}"`);
  if (wish === "off") return false;
  const path = nativeBinaries().file("kernels");
  if (!existsSync(path)) return false;
  try {
    loadLibrary(path);
  } catch (error) {
    throw new TorchError(`${notLoadable(path, error).message}. Or run without it: PEA_KERNELS=off`);
  }
  return true;
}
