import { setBatchNormKernel, setConvKernel, setMaxPoolKernel, setSGDKernel } from "@pea/torch";
import { batchNormAct } from "./batch-norm-act.ts";
import { compactMaxPool2d } from "./compact-max-pool.ts";
import { loadKernels } from "./load.ts";
import { ownConvolution } from "./own-convolution.ts";
import { sgdStep } from "./sgd-step.ts";

/**
 * From now on the layers of convolution, batch normalization and max pooling and SGD of @pea/torch run on the fused
 * operators, in all of this thread.
 *
 * @returns false where there are none, as `loadKernels`: then plain operators do the work
 * @throws TorchError as `loadKernels`
 */
export function useKernels(): boolean {
  if (!loadKernels()) return false;
  setBatchNormKernel(batchNormAct);
  setConvKernel(ownConvolution);
  setMaxPoolKernel(compactMaxPool2d);
  setSGDKernel(sgdStep);
  return true;
}
