/**
 * One run of a study in a process of its own.
 *
 * @module
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Recipe } from "../recipe/recipe.ts";
import type { StudyTarget } from "./study-file.ts";
import type { FromWorker, RunProgress, ToWorker } from "./worker-messages.ts";

/**
 * How a run went. `trained`: it had not ended before; `whole`: from its first step to its last. `failed` with `named`: the
 * run itself said why, and would again; `diverged`: as its loss was no number any more. `elsewhere`: another process has it, told in words.
 */
export type JobOutcome =
  | { kind: "ended"; trained: boolean; whole: boolean }
  | { kind: "stopped" }
  | { kind: "elsewhere"; owner: string }
  | { kind: "failed"; message: string; named: boolean; diverged: boolean };

export interface JobOptions {
  /** What it is exported to once it has ended. */
  targets: readonly StudyTarget[];
  /** Go on with a run although images that it is scored on were trained on. */
  allowChangedData: boolean;
  signal: AbortSignal;
  onProgress(progress: RunProgress): void;
  /** It has ended, and is exported to a target. */
  onTarget(name: string): void;
}

/** What is kept of a worker's last words. */
const LAST_WORDS = 2000;

/** Trains a run, from its start or from where it stands in its folder, and exports it to its targets. */
export async function runJob(
  recipe: Recipe,
  directory: string,
  { targets, allowChangedData, signal, onProgress, onTarget }: JobOptions,
): Promise<JobOutcome> {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const child = fork(new URL(`./worker${ending}`, import.meta.url), {
    // The share of the threads holds for the BLAS, too, which has a pool of its own.
    env: { ...process.env, OMP_NUM_THREADS: String(recipe.threads) },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let lastWords = "";
  child.stderr?.on("data", (text: Buffer) => {
    lastWords = (lastWords + text.toString()).slice(-LAST_WORDS);
  });
  let firstStep: number | null = null;
  let outcome: JobOutcome | null = null;
  child.on("message", (message: FromWorker) => {
    if (message.kind === "start") firstStep = message.firstStep;
    else if (message.kind === "progress") onProgress(message.progress);
    else if (message.kind === "target") onTarget(message.name);
    else if (message.kind === "end")
      outcome = { kind: "ended", trained: firstStep !== null, whole: firstStep === 0 };
    else if (message.kind === "stopped" || message.kind === "elsewhere") outcome = message;
    else outcome = { ...message, kind: "failed", named: true };
  });
  const send = (message: ToWorker) => {
    if (child.connected) child.send(message, () => {});
  };
  const stop = () => send({ kind: "stop" });
  signal.addEventListener("abort", stop);
  send({ kind: "run", recipe, directory, targets, allowChangedData });
  if (signal.aborted) stop();
  const [code, killedBy] = await once(child, "close").finally(() =>
    signal.removeEventListener("abort", stop),
  );
  if (outcome !== null) return outcome;
  const end = killedBy === null ? `ended with code ${code}` : `was ended by ${killedBy}`;
  const reason = reasonIn(lastWords);
  const message = `its process ${end}${reason && `: ${reason}`}`;
  return { kind: "failed", message, named: false, diverged: false };
}

/** The line that names the error, without the stack below it; else the last line; empty where nothing was said. */
function reasonIn(words: string): string {
  const lines = words.split("\n").filter((line) => line.trim() !== "");
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "").trim();
}
