/**
 * The machine a benchmark ran on, as far as its figures depend on it.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  cpu: string;
  cores: number;
  /** Those vector instructions that libtorch and the kernels choose their code by. */
  instructions: string[];
  memoryGiB: number;
  node: string;
  /** Processes that wanted to run in the minute before: above a few tenths the figures suffer. */
  loadBefore: number;
}

const INSTRUCTIONS = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16"];

export function describeMachine(): Machine {
  const [, flags = ""] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
  const available = new Set(flags.split(" "));
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    instructions: INSTRUCTIONS.filter((name) => available.has(name)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}
