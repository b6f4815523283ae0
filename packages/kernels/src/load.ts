import { existsSync } from "node:fs";
import {
  loadLibrary,
  setBatchNormKernel,
  setConvKernel,
  setMaxPoolKernel,
  setSGDKernel,
  TorchError,
} from "@pea/torch";
import { nativeBinaries, notLoadable } from "@pea/torch/binaries";
import { batchNormAct } from "./batch-norm-act.ts";
import { compactMaxPool2d } from "./compact-max-pool.ts";
import { conv3x3 } from "./conv3x3.ts";
import { sgdStep } from "./sgd-step.ts";

let loaded: boolean | undefined;

/**
 * Loads the fused operators built for the loaded engine, once per thread; `ensembleAct` does it by itself. From then on
 * the layers of convolution, batch normalization and max pooling and SGD of @pea/torch run on them as well.
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
  setBatchNormKernel(batchNormAct);
  setConvKernel(conv3x3);
  setMaxPoolKernel(compactMaxPool2d);
  setSGDKernel(sgdStep);
  return true;
}
