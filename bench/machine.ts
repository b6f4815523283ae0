/**
 * The machine a benchmark ran on, as far as its figures depend on it.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { setTimeout } from "node:timers/promises";

export interface Machine {
  cpu: string;
  cores: number;
  /** Those vector instructions that libtorch and the kernels choose their code by. */
  instructions: string[];
  memoryGiB: number;
  node: string;
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
  };
}

/** Processors that others keep busy, over a second in which the benchmark itself does nothing. */
export async function measureLoad(): Promise<number> {
  const before = readProcessorTimes();
  await setTimeout(1000);
  return Number((cpus().length * busyShare(before, readProcessorTimes())).toFixed(2));
}

/** Ticks that all processors together spent, and those of them that they spent idle. */
export interface ProcessorTimes {
  total: number;
  idle: number;
}

function readProcessorTimes(): ProcessorTimes {
  return parseProcessorTimes(readFileSync("/proc/stat", "utf8"));
}

/** Reads the first line of /proc/stat (proc(5)). Waiting for a disk is idle, what a hypervisor takes away is not. */
export function parseProcessorTimes(stat: string): ProcessorTimes {
  const [, ...fields] = (stat.split("\n")[0] as string).trim().split(/\s+/);
  // The guests' times after "steal" are part of "user" and "nice".
  const ticks = fields.slice(0, 8).map(Number);
  const [, , , idle = 0, waiting = 0] = ticks;
  return { total: ticks.reduce((sum, value) => sum + value, 0), idle: idle + waiting };
}

/** The part of the time between two readings in which processors were busy, 0 to 1. */
export function busyShare(before: ProcessorTimes, after: ProcessorTimes): number {
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}
