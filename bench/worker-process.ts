/**
 * A contender's process and the conversation with it.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Contender, environmentOf } from "./contenders.ts";
import type { Description, Facts, Peak, Request, Timing, Workload } from "./protocol.ts";

export class WorkerProcess {
  readonly #title: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  /** @param variables beside those of the contender */
  constructor(contender: Contender, threads: number, variables: Readonly<Record<string, string>> = {}) {
    const [program = "", ...args] = contender.command;
    this.#title = contender.title;
    this.#process = spawn(program, args, {
      env: { ...environmentOf(contender, threads), ...variables },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#process.on("error", () => {}); // A program that cannot be started gives no answer, which is reported.
    this.#process.stdin.on("error", () => {});
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  describe(): Promise<Description> {
    return this.#ask({ op: "describe" });
  }

  prepare(key: string, workload: Workload): Promise<Facts> {
    return this.#ask({ op: "prepare", key, workload });
  }

  run(key: string, options: { warmUp: number; repetitions: number }): Promise<Timing> {
    return this.#ask({ op: "run", key, ...options });
  }

  peak(key: string, repetitions: number): Promise<Peak> {
    return this.#ask({ op: "peak", key, repetitions });
  }

  /** Ends the process and waits for its memory to be free. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #ask<T>(request: Request): Promise<T> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.#title} ended without an answer to ${JSON.stringify(request)}`);
    const answer = JSON.parse(value) as T | { error: string };
    if (answer !== null && typeof answer === "object" && "error" in answer) {
      throw new Error(`${this.#title} could not do ${JSON.stringify(request)}:\n${answer.error}`);
    }
    return answer as T;
  }
}
