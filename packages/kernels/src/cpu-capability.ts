import { call, TorchError } from "@pea/torch";
import { loadKernels } from "./load.ts";

/**
 * The instructions that the fused operators compute by: the most of what they are compiled for that the processor has.
 * libtorch chooses for its own operators by itself.
 *
 * @throws TorchError where there are no fused operators, and as `loadKernels`
 */
export function cpuCapability(): "portable" | "AVX2" | "AVX512" | "AVX512_BF16" {
  if (!loadKernels())
    throw new TorchError("there are no fused operators: build them, or leave PEA_KERNELS at on");
  return call("pea::cpu_capability");
}
