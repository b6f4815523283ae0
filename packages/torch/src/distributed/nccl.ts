/**
 * NCCL, by which GPUs reach one another without the main memory: where the engine has what it takes, and each rank a GPU.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { nativeBinaries, nativeSearch } from "../binaries/index.ts";
import { describeNccl, type NoNccl, ncclFile, noNcclBeside, notLoading } from "../binaries/nccl.ts";
import { native } from "../binding.ts";
import { cudaIsAvailable } from "../engine.ts";
import { TorchError } from "../error.ts";
import { rethrow, type Tensor } from "../tensor.ts";
import { nameRanks } from "./roll.ts";

/** Why groups over NCCL cannot be made, wherever there are GPUs; undefined where they can. */
export function whyNoNccl(): NoNccl | undefined {
  const { engine, file } = nativeBinaries();
  const { home } = nativeSearch();
  const no = noNcclBeside(file("torch"), engine, home);
  if (no !== undefined) return no;
  const why = native.openNccl(join(dirname(file("torch")), ncclFile));
  return why === "" ? undefined : notLoading(why, home);
}

/** A GPU by its number: `"cuda"` is the first. */
export const numbered = (device: string): string => (device === "cuda" ? "cuda:0" : device);

/**
 * The GPU that a group over NCCL would take for a device, by a name that all processes have for it.
 *
 * @returns null for other devices, and where there is no NCCL or no GPU
 */
export function ncclGpu(device: string): string | null {
  const isThere = device.startsWith("cuda") && cudaIsAvailable() && whyNoNccl() === undefined;
  return isThere ? rethrow("ncclGpu", () => native.gpuName(numbered(device))) : null;
}

/** @throws TorchError where a group over NCCL cannot be made on a device, with the way out */
export function requireNccl(device: string): void {
  const otherwise = "the backend gloo needs none and is there everywhere";
  const needs = "ProcessGroup.connect: the backend nccl needs a CUDA device for each rank";
  if (!device.startsWith("cuda")) throw new TorchError(`${needs}, got ${device}; ${otherwise}`);
  if (!cudaIsAvailable())
    throw new TorchError(`${needs}, and this engine finds no GPU that it can use; ${otherwise}`);
  const no = whyNoNccl();
  if (no === undefined) return;
  throw new TorchError(
    `ProcessGroup.connect: there is no NCCL (${describeNccl(no)}); ${no.remedy ?? "take the backend gloo"}`,
  );
}

/**
 * NCCL itself would refuse that in words of its own, and some versions hang.
 *
 * @param gpus of all ranks
 * @throws TorchError naming those that have the same
 */
export function requireOwnGpus(gpus: readonly string[]): void {
  const ranks = ranksOfOneGpu(gpus);
  if (ranks === undefined) return;
  throw new TorchError(
    `ProcessGroup.connect: ${nameRanks(ranks)} have the same GPU (${gpus[ranks[0]]}), and the backend nccl needs one for each; give each a ` +
      "device or CUDA_VISIBLE_DEVICES of its own, or take the backend gloo",
  );
}

/**
 * Ranks that have the same GPU.
 *
 * @param gpus of all ranks, as `ncclGpu` names them
 * @returns the first two or more; undefined where each has one of its own
 */
export function ranksOfOneGpu(gpus: readonly string[]): [number, ...number[]] | undefined {
  const ranksWith = (gpu: string) => [...gpus.keys()].filter((rank) => gpus[rank] === gpu);
  return gpus.map(ranksWith).find(({ length }) => length > 1) as [number, ...number[]] | undefined;
}

/** @throws TorchError naming the device of a tensor that is not on the group's */
export function requireOn(device: string, tensors: readonly Pick<Tensor, "device">[]): void {
  const other = tensors.find((tensor) => tensor.device !== device);
  if (other === undefined) return;
  throw new TorchError(
    `a group over nccl takes tensors on its GPU, ${device}, got one on ${other.device}; move it there, or take a group over gloo`,
  );
}
