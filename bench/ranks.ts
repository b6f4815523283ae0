/**
 * The processes of a contender that run workloads together, by themselves or as ranks.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender } from "./contenders.ts";
import { type Facts, RANK_VARIABLES, type Timing, type Workload } from "./protocol.ts";
import { mean } from "./statistics.ts";
import { WorkerProcess } from "./worker-process.ts";

/** Each is asked the same at the same time. One process is one rank. */
export class Ranks {
  readonly #folder = mkdtempSync(join(tmpdir(), "pea-bench-"));
  readonly #workers: readonly WorkerProcess[];

  /** @param threads of all together */
  constructor(contender: Contender, threads: number, ranks: number) {
    const share = Math.max(1, Math.floor(threads / ranks));
    const variablesOf = (rank: number) => ({
      [RANK_VARIABLES.rank]: String(rank),
      [RANK_VARIABLES.ranks]: String(ranks),
      [RANK_VARIABLES.store]: join(this.#folder, "store"),
      GLOO_SOCKET_IFNAME: "lo",
    });
    this.#workers = Array.from(
      { length: ranks },
      (_, rank) => new WorkerProcess(contender, share, ranks > 1 ? variablesOf(rank) : {}),
    );
  }

  async prepare(key: string, workload: Workload): Promise<Facts> {
    const [first] = await this.#each((worker) => worker.prepare(key, workload));
    return first as Facts;
  }

  /** The time of the slowest rank, which all wait for; parts and page faults are means. */
  async run(key: string, options: { warmUp: number; repetitions: number }): Promise<Timing> {
    const timings = await this.#each((worker) => worker.run(key, options));
    const parts = Object.keys(timings[0]?.parts ?? {});
    return {
      milliseconds: Math.max(...timings.map(({ milliseconds }) => milliseconds)),
      parts: Object.fromEntries(
        parts.map((part) => [part, mean(timings.map((timing) => timing.parts[part] as number))]),
      ),
      minorFaults: mean(timings.map(({ minorFaults }) => minorFaults)),
    };
  }

  async stop(): Promise<void> {
    await this.#each((worker) => worker.stop());
    rmSync(this.#folder, { recursive: true });
  }

  #each<T>(ask: (worker: WorkerProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#workers.map(ask));
  }
}
