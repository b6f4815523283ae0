import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { PeaError } from "@pea/core";
import type { Preprocessing } from "../../images/preprocess.ts";
import type { SentImageChange } from "../../images/transforms/image-change.ts";
import type { BadSample, DecodeReply, DecodeRequest, DecodeSample, DecodeTarget } from "./decode-worker.ts";
import { startWorker } from "./start-worker.ts";

interface Pending {
  resolve(bad: readonly BadSample[]): void;
  reject(error: unknown): void;
}

/**
 * Threads that read, decode and preprocess images while the main thread trains. Each has a queue of its own, so that
 * none waits for the main thread between two requests: that one is busy for the whole of a training step.
 */
export class DecodePool {
  readonly #size: number;
  /** Started when they are first needed. */
  #workers: Worker[] = [];
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #failure: unknown;

  /** @param options.workers threads; as many as there are processors by default */
  constructor({ workers = availableParallelism() }: { workers?: number } = {}) {
    this.#size = workers;
  }

  /**
   * Puts each sample into its place of `target`.
   *
   * @param changes what else is done to each image, in order
   * @returns the samples that could not be read; their places hold nothing of use
   */
  async decode(
    samples: readonly DecodeSample[],
    preprocessing: Preprocessing,
    target: DecodeTarget,
    changes: readonly SentImageChange[] = [],
  ): Promise<BadSample[]> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#workers.length === 0) this.#workers = Array.from({ length: this.#size }, () => this.#start());
    const share = Math.ceil(samples.length / this.#size);
    const replies = this.#workers
      .map((worker, i) => ({ worker, part: samples.slice(i * share, (i + 1) * share) }))
      .filter(({ part }) => part.length > 0)
      .map(({ worker, part }) => this.#ask(worker, { samples: part, preprocessing, target, changes }));
    return (await Promise.all(replies)).flat().sort((a, b) => a.place - b.place);
  }

  /** Ends the threads. What has been asked for and is not there yet is an error then. */
  async close(): Promise<void> {
    this.#fail(new PeaError("the decode pool is closed"));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const worker = startWorker("decode-worker");
    worker.on("message", (reply: DecodeReply) => {
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      if (this.#pending.size === 0) this.#letExit(true);
      if ("bad" in reply) pending?.resolve(reply.bad);
      else pending?.reject(reply.error);
    });
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", (code) =>
      this.#fail(new PeaError(`a thread that decodes images ended with code ${code}`)),
    );
    worker.unref();
    return worker;
  }

  #ask(worker: Worker, request: Omit<DecodeRequest, "id">): Promise<readonly BadSample[]> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#letExit(false);
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ ...request, id } satisfies DecodeRequest);
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#letExit(true);
  }

  /** The threads hold the process only while something is asked of them. */
  #letExit(isFree: boolean): void {
    for (const worker of this.#workers) isFree ? worker.unref() : worker.ref();
  }
}
