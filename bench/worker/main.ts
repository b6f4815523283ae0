/**
 * A contender of the benchmark: this project, in a process of its own, speaking ../protocol.ts.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { useKernels } from "@pea/kernels";
import { engineInfo, getNumThreads, manualSeed } from "@pea/torch";
import type { Description, Facts, Peak, Request, Timing } from "../protocol.ts";
import { median } from "../statistics.ts";
import { type Prepared, prepare } from "./workloads.ts";

/** Runs before a workload counts as warm: convolutions choose their kernels and the memory is in the cache. */
const WARM_UP = 2;

/** As training does before its first step: without this, everything would be measured on libtorch's own operators. */
const kernels = useKernels();

const workloads = new Map<string, Prepared>();

async function answer(request: Request): Promise<Description | Facts | Timing | Peak> {
  if (request.op === "describe") {
    return { version: engineInfo().version, threads: getNumThreads(), kernels };
  }
  if (request.op === "prepare") {
    manualSeed(1);
    const prepared = await prepare(request.workload);
    workloads.set(request.key, prepared);
    await untimed(prepared, WARM_UP);
    return prepared.facts;
  }
  const prepared = workloads.get(request.key);
  if (prepared === undefined) throw new Error(`no workload ${request.key} is prepared`);
  if (request.op === "peak") return peakMemory(prepared, request.repetitions);
  await untimed(prepared, request.warmUp);
  return timed(prepared, request.repetitions);
}

async function untimed({ run }: Prepared, repetitions: number): Promise<void> {
  for (let repetition = 0; repetition < repetitions; repetition++) await run(() => {});
}

async function timed({ run }: Prepared, repetitions: number): Promise<Timing> {
  const total: number[] = [];
  const parts = new Map<string, number[]>();
  const faults = process.resourceUsage().minorPageFault;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = performance.now();
    let last = start;
    const running = run((part) => {
      const now = performance.now();
      const times = parts.get(part) ?? [];
      parts.set(part, times);
      times[repetition] = (times[repetition] ?? 0) + now - last;
      last = now;
    });
    // What is no promise is not awaited: that would take part in the time.
    if (running !== undefined) await running;
    total.push(performance.now() - start);
  }
  return {
    milliseconds: median(total),
    parts: Object.fromEntries([...parts].map(([part, times]) => [part, median(times)])),
    minorFaults: (process.resourceUsage().minorPageFault - faults) / repetitions,
  };
}

/** Peak of the resident memory during the repetitions. */
async function peakMemory(prepared: Prepared, repetitions: number): Promise<Peak> {
  // "5" sets the kernel's high-water mark back to what is resident now (proc(5)).
  writeFileSync("/proc/self/clear_refs", "5");
  await untimed(prepared, repetitions);
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return { mebibytes: Number(kibibytes) / 1024 };
}

for await (const line of createInterface({ input: process.stdin })) {
  let result: object;
  try {
    result = await answer(JSON.parse(line) as Request);
  } catch (error) {
    result = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
