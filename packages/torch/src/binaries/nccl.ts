/**
 * What `libpea_nccl.so` is built of, which makes groups over NCCL: headers that only some engines have beside them.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { builtFolder, checkoutFolder, type Home, isCheckout, setupCommand } from "./binaries.ts";
import { type Engine, thisSystem } from "./engines.ts";

/** The library, which lies beside the addon where it is built. */
export const ncclFile = "libpea_nccl.so";

/** Why there is no NCCL, and the way out, where there is one. */
export interface NoNccl {
  readonly why: string;
  readonly remedy?: string;
  /** Whether the library is there all the same: it does not load. */
  readonly isBuilt?: true;
}

/** What people are told of it. */
export const describeNccl = (no: NoNccl | undefined): string =>
  no === undefined ? "built" : `${no.isBuilt ? "does not load" : "not built"}: ${no.why}`;

const installTorch = "install torch with all that it asks for (python3 -m pip install torch)";

/**
 * For a library that is there and does not load: what it links to comes with torch.
 *
 * @param why as `openNccl` says it
 */
export const notLoading = (why: string, home: Home): NoNccl =>
  why === "another version"
    ? { why: "it is of another version than @pea/torch", remedy: setupCommand(home), isBuilt: true }
    : { why, remedy: installTorch, isBuilt: true };

/** Headers that libtorch's own of NCCL asks for, and the wheels of CUDA 12 and of later ones that have them. */
const ofCuda = {
  "cuda_runtime_api.h": ["nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime"],
  "crt/host_config.h": ["nvidia-cuda-nvcc-cu12", "nvidia-cuda-crt"],
  "nv/target": ["nvidia-cuda-cccl-cu12", "nvidia-cuda-cccl"],
} as const;

/** Others, of wheels with versions of their own: torch asks for each. */
const ofOthers = ["nccl.h", "cublas_v2.h", "cusparse.h", "cusolverDn.h"] as const;

/** @returns the folders of headers to build with, or what is missing */
export function ncclIncludes({ directory }: Engine): readonly string[] | NoNccl {
  if (directory === undefined || !existsSync(join(directory, "lib", "libtorch_cuda.so")))
    return { why: "this libtorch is built without CUDA; PyPI's torch is built with it" };
  const folders = includeFolders(dirname(directory));
  const isMissing = (header: string) => !folders.some((folder) => existsSync(join(folder, header)));
  const others = ofOthers.filter(isMissing);
  if (others.length > 0)
    return {
      why: `there is no ${others.join(", ")}`,
      remedy: installTorch,
    };
  const headers = Object.keys(ofCuda).filter(isMissing) as (keyof typeof ofCuda)[];
  if (headers.length === 0) return folders;
  const why = `there is no ${headers.join(", ")}`;
  const version = cudaVersion(directory);
  if (version === undefined) return { why };
  const wheels = headers.map(
    (header) => `"${ofCuda[header][version.startsWith("12.") ? 0 : 1]}==${version}.*"`,
  );
  return { why, remedy: `install CUDA's headers beside torch: python3 -m pip install ${wheels.join(" ")}` };
}

/** The file in which pea setup keeps that the library could not be built, outside of a checkout beside the folder with what was. */
export const ncclFailureFile = (home: Home, engine: Engine): string =>
  isCheckout(home)
    ? join(checkoutFolder(home, "torch", engine), "libpea_nccl.failed")
    : `${builtFolder(home, engine, thisSystem)}.libpea_nccl.failed`;

/** @returns why the library could not be built, and a digest of what it was to be built of; undefined where it was not tried, or could */
export function ncclFailure(home: Home, engine: Engine): { of: string; why: string } | undefined {
  const file = ncclFailureFile(home, engine);
  if (!existsSync(file)) return undefined;
  const [of = "", ...why] = readFileSync(file, "utf8").trimEnd().split("\n");
  return { of, why: why.join("\n") };
}

/**
 * Whether the library lies beside an addon.
 *
 * @returns undefined where it does, else why not
 */
export function noNcclBeside(addon: string, engine: Engine, home: Home): NoNccl | undefined {
  if (existsSync(join(dirname(addon), ncclFile))) return undefined;
  const setup = setupCommand(home);
  const includes = ncclIncludes(engine);
  if (!("why" in includes)) {
    const failure = ncclFailure(home, engine);
    if (failure === undefined) return { why: "it was not built", remedy: setup };
    return {
      why: `building it failed: ${failure.why}`,
      remedy: `once that is mended: rm "${ncclFailureFile(home, engine)}" && ${setup}`,
    };
  }
  const { why, remedy } = includes;
  return remedy === undefined ? { why } : { why, remedy: `${remedy}, then ${setup}` };
}

/** Those of NVIDIA's wheels, in a folder of Python's packages. */
function includeFolders(packages: string): string[] {
  const parent = join(packages, "nvidia");
  const names = existsSync(parent) ? readdirSync(parent) : [];
  return names.map((name) => join(parent, name, "include")).filter((folder) => existsSync(folder));
}

/** Major and minor version of the CUDA that a torch is built for: from 12 on, whose wheels have the names above. */
function cudaVersion(directory: string): string | undefined {
  const file = join(directory, "version.py");
  const [, version] = /^cuda\b.*'(\d+\.\d+)/m.exec(existsSync(file) ? readFileSync(file, "utf8") : "") ?? [];
  return Number(version) >= 12 ? version : undefined;
}
