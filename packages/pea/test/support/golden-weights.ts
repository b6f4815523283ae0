/** Digests of trained weights, and the engine and processor that they were recorded on. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { loadKernels } from "@pea/kernels";
import { engineInfo, readSafetensors } from "@pea/torch";

/** What the last bits of trained weights depend on besides our code, in words. */
export type Engine = Readonly<Record<"libtorch" | "capability" | "blas" | "kernels" | "processor", string>>;

export interface GoldenWeights {
  engine: Engine;
  /** SHA-256 of a run's last weights, by the run's name. */
  weights: Record<string, string>;
}

const path = new URL("../train/golden-weights.json", import.meta.url);

export function readGoldenWeights(): GoldenWeights {
  return JSON.parse(readFileSync(path, "utf8"));
}

export function writeGoldenWeights(golden: GoldenWeights): void {
  writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`);
}

/** The engine and the processor of this process. */
export function currentEngine(): Engine {
  const { version, config, blas } = engineInfo();
  return {
    libtorch: version,
    // libtorch chooses its vectorized loops by it.
    capability: /CPU capability usage: (\S+)/.exec(config)?.[1] ?? "unknown",
    blas: blas.map((file) => basename(file)).join(", "),
    kernels: loadKernels() ? "on" : "off",
    processor: processor(),
  };
}

/** Model and vector instructions, by which OpenBLAS and oneDNN choose their loops and how they cut a matrix into blocks. */
function processor(): string {
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(info)?.[1] ?? "unknown";
  const vectors = field("flags")
    .split(" ")
    .filter((flag) => /^(avx|fma|f16c|amx)/.test(flag));
  return `${field("vendor_id")} family ${field("cpu family")} model ${field("model")}: ${vectors.join(" ")}`;
}

/** What is other here than where weights were recorded, in words; empty where nothing is. */
export function differences(recorded: Engine, here: Engine): string {
  return (Object.keys(here) as (keyof Engine)[])
    .filter((part) => recorded[part] !== here[part])
    .map((part) => `${part} is ${here[part]}, not ${recorded[part]}`)
    .join("; ");
}

/** SHA-256 of the weights after a run's last step: names, types, shapes and bytes of the state dict's tensors, sorted by name. */
export function digestOfWeights(runDirectory: string): string {
  const { tensors } = readSafetensors(join(runDirectory, "checkpoints", "last.safetensors"));
  const hash = createHash("sha256");
  // With a "/" in its name a tensor is the optimizer's or the random generator's.
  const weights = [...tensors].filter(([name]) => !name.includes("/"));
  for (const [name, tensor] of weights.sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${tensor.dtype} ${tensor.shape.join("×")}\n`);
    const { buffer, byteOffset, byteLength } = tensor.toTypedArray();
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  for (const tensor of tensors.values()) tensor.dispose();
  return hash.digest("hex");
}
