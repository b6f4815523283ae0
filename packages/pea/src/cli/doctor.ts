import { existsSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { dirname } from "node:path";
import {
  describeNccl,
  type NoNccl,
  nativeBinaries,
  nativeSearch,
  type PassedOver,
  setupCommand,
} from "@pea/torch/binaries";
import { builtIn } from "../data/sets/built-in.ts";
import type { DatasetDescriptor } from "../data/sets/dataset-descriptor.ts";
import { native } from "../images/native.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

/** One thing looked at. */
interface Check {
  name: string;
  ok: boolean;
  found: string;
  /** What to do where it is not ok. */
  advice?: string;
}

/**
 * `pea doctor`: what is installed and loaded, and what to do where something is missing.
 *
 * @returns exit code 0, or 1 when training cannot run
 */
export async function runDoctor(options: CommonOptions, version: string): Promise<number> {
  const checks: Check[] = [
    { name: "pea", ok: true, found: version },
    {
      name: "node",
      ok: true,
      found: `${process.version} on ${process.platform} ${process.arch} ${release()}`,
    },
    {
      name: "cpu",
      ok: true,
      found: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB memory`,
    },
    ...(await engineChecks()),
    imagesCheck(),
    ...environmentChecks(),
    ...builtIn.flatMap(dataCheck),
  ];
  const ok = checks.every((check) => check.ok);
  printResult(options, { ok, checks }, () => checks.map(formatCheck).join("\n"));
  return ok ? 0 : 1;
}

/** The engine is loaded here and not above: where it does not load, that is what doctor has to say. */
async function engineChecks(): Promise<Check[]> {
  let torch: typeof import("@pea/torch");
  try {
    torch = await import("@pea/torch");
    torch.engineInfo();
  } catch (error) {
    return [
      {
        name: "engine",
        ok: false,
        found: (error as Error).message,
      },
    ];
  }
  const info = torch.engineInfo();
  const { origin, engineOrigin, file } = nativeBinaries();
  return [
    { name: "engine", ok: true, found: `libtorch ${info.version} in ${info.libraries} (${engineOrigin})` },
    ...nativeSearch().search.passedOver.map(passedOverCheck),
    { name: "binaries", ok: true, found: `${dirname(file("torch"))} (${origin})` },
    { name: "cpu features", ok: true, found: `${capability(info.config)}, for libtorch's operators` },
    { name: "threads", ok: true, found: String(torch.getNumThreads()) },
    blasCheck(info.blas),
    { name: "allocator", ok: true, found: info.allocator },
    {
      name: "gpu",
      ok: true,
      found: torch.cudaIsAvailable() ? "CUDA, by --device cuda" : "none that this engine can use",
    },
    ncclCheck(torch.whyNoNccl()),
    await kernelsCheck(),
  ];
}

/** A place before the engine's in the order of preference. */
function passedOverCheck({ place, why }: PassedOver): Check {
  const found = `${place.origin}: ${why}`;
  return typeof place.found === "string"
    ? { name: "passed over", ok: true, found }
    : { name: "passed over", ok: true, found, advice: `to use it: ${setupCommand(nativeSearch().home)}` };
}

/** libtorch says which instructions its kernels were chosen for. */
const capability = (config: string): string => /CPU capability usage: (\S+)/.exec(config)?.[1] ?? "unknown";

function blasCheck(files: readonly string[]): Check {
  const found = files.length === 0 ? "within libtorch" : files.join(", ");
  const isReference = files.some((file) => /\/lib(blas|cblas)[^/]*$/.test(file)) && !files.some(isFast);
  return isReference
    ? {
        name: "blas",
        ok: true,
        found: `${found} (the slow reference BLAS)`,
        advice: "install a fast one: sudo apt-get install libopenblas0-pthread",
      }
    : { name: "blas", ok: true, found };
}

const isFast = (file: string): boolean => /openblas|mkl|blis/.test(file);

/** Processes on GPUs do without. */
function ncclCheck(no: NoNccl | undefined): Check {
  const advice = no?.remedy;
  return { name: "nccl", ok: true, found: describeNccl(no), ...(advice !== undefined && { advice }) };
}

async function kernelsCheck(): Promise<Check> {
  const { cpuCapability, loadKernels } = await import("@pea/kernels");
  try {
    if (loadKernels()) return { name: "kernels", ok: true, found: `fused operators, by ${cpuCapability()}` };
  } catch (error) {
    return { name: "kernels", ok: false, found: (error as Error).message };
  }
  return {
    name: "kernels",
    ok: true,
    found: "plain operators: the same results up to rounding, slower",
    advice: `build the fused ones: ${setupCommand(nativeSearch().home)}`,
  };
}

function imagesCheck(): Check {
  const name = "images";
  try {
    if (nativeSearch().search.binaries === undefined)
      return { name, ok: true, found: "not without an engine" };
    native();
    return { name, ok: true, found: "the decoder of streamed data" };
  } catch (error) {
    return {
      name,
      ok: true,
      found: (error as Error).message,
      advice: "until then, only data in memory can be used",
    };
  }
}

/** Variables that change which engine is loaded or how fast it is. */
function environmentChecks(): Check[] {
  const names = [
    "LIBTORCH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "LD_PRELOAD",
  ];
  const set = names.filter((name) => process.env[name]).map((name) => `${name}=${process.env[name]}`);
  return set.length === 0 ? [] : [{ name: "environment", ok: true, found: set.join(" ") }];
}

/** Whether a data set lies where it is looked for; nothing of one that has no place of its own. */
function dataCheck({ name, defaultFolder }: DatasetDescriptor): Check[] {
  if (defaultFolder === undefined) return [];
  const { path, install } = defaultFolder;
  if (existsSync(path)) return [{ name, ok: true, found: path }];
  const advice = `${install}, or give its folder with --data-dir`;
  return [{ name, ok: true, found: `not in ${path}`, advice }];
}

/** Further lines begin below the first one's words. */
const indent = (text: string): string => text.replaceAll("\n", `\n${" ".repeat(17)}`);

const formatCheck = ({ name, ok, found, advice }: Check): string =>
  `${ok ? (advice ? "!" : "✓") : "✗"} ${name.padEnd(14)} ${indent(found)}${advice ? indent(`\n→ ${advice}`) : ""}`;
