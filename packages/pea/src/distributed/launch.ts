/**
 * Starts the processes of one run on this machine: `pea train --processes`.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { availableParallelism } from "node:os";
import type { LostRank } from "@pea/torch";
import { exitCodeOf, isStopSignal, type StopSignal } from "../common/stop-signals.ts";

/** How long a process that has failed has to end by itself, in milliseconds. */
const FAREWELL = 2000;

/** How long the others have to say what they fail of, once one has ended, in milliseconds. */
const GRACE = 20_000;

/** Who started the processes and who stops them. */
export interface LaunchOptions {
  /** Signals are passed on to each process, once each. */
  onSignal(pass: (name: StopSignal) => void): () => void;
  log(line: string): void;
}

/** What a process tells its launcher when it fails. */
interface Failure {
  /** The same for processes that fail for the same reason. */
  reason: string;
  /** The ranks that are the cause, where others are. */
  lost: readonly LostRank[];
  /** To be printed, with its rank. */
  line: string;
}

/**
 * Runs a command of this program in several processes, each with its share of the threads, until all have ended. Where one
 * fails the others are ended, too. They do not outlive this process: whoever loses it ends. Rank 0 prints its error itself; those
 * of the others are printed here, where none before them tells the same.
 *
 * @param command the program's file and the words after it
 * @returns exit code of the first that failed, else 0
 */
export async function launch(
  count: number,
  command: readonly string[],
  { onSignal, log }: LaunchOptions,
): Promise<number> {
  const threads = Math.max(1, Math.floor(availableParallelism() / count));
  const shared = {
    OMP_NUM_THREADS: String(threads),
    ...process.env,
    WORLD_SIZE: String(count),
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: String(await freePort()),
  };
  const children = Array.from({ length: count }, (_, rank) =>
    spawn(process.execPath, [...process.execArgv, ...command], {
      env: { ...shared, RANK: String(rank), LOCAL_RANK: String(rank) },
      // Results come from the first alone, on errors as well: one JSON document.
      stdio: rank === 0 ? ["inherit", "inherit", "inherit", "ipc"] : ["ignore", "ignore", "inherit", "ipc"],
      // A group of its own: Ctrl-C reaches it by this process, once.
      detached: true,
    }),
  );
  const endAll = (name: NodeJS.Signals) => {
    for (const child of children) child.kill(name);
  };
  const off = onSignal(endAll);
  const failures = children.map(failureOf);
  let first = 0;
  let overdue: NodeJS.Timeout | undefined;
  try {
    await Promise.all(
      children.map(async (child, rank) => {
        const code = await codeOf(child, (name) => log(`rank ${rank} was ended by ${name}`));
        if (code === 0) return;
        first ||= code;
        // What this one says waits for what those before it do, GRACE at most.
        overdue ??= setTimeout(() => endAll("SIGKILL"), GRACE);
        const [own, ...earlier] = await Promise.all([failures[rank], ...failures.slice(0, rank)]);
        if (rank > 0 && own != null && !isTold(rank, own, earlier)) log(own.line);
      }),
    );
    return first;
  } finally {
    clearTimeout(overdue);
    off();
  }
}

/**
 * Whether ranks before it tell what a rank fails of: the same, or of the same others; that it is the cause itself, or what those that it
 * names fail of.
 */
function isTold(rank: number, own: Failure, earlier: readonly (Failure | null | undefined)[]): boolean {
  const reasons = earlier.map((failure) => failure?.reason);
  const lost = earlier.flatMap((failure) => failure?.lost ?? []);
  const isLost = (one: LostRank) =>
    earlier[one.rank] != null || lost.some((other) => other.rank === one.rank && other.state === one.state);
  return (
    reasons.includes(own.reason) ||
    lost.some((one) => one.rank === rank && one.reason === own.reason) ||
    (own.lost.length > 0 && own.lost.every(isLost))
  );
}

/** What a process fails of; null where it does not say so. */
async function failureOf(child: ChildProcess): Promise<Failure | null> {
  let failure: Failure | null = null;
  child.on("message", (message) => {
    failure = message as Failure;
  });
  await once(child, "disconnect");
  return failure;
}

async function codeOf(child: ChildProcess, onKilled: (name: string) => void): Promise<number> {
  const [code, killedBy] = (await once(child, "exit")) as [number | null, string | null];
  if (killedBy !== null) onKilled(killedBy);
  // Stopped before it could look to that itself.
  if (isStopSignal(killedBy)) return exitCodeOf(killedBy);
  return code ?? 1;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Ends this process with the one that launched it. */
export function endWithLauncher(): void {
  if (!isByLauncher()) return;
  process.on("disconnect", () => process.exit(1));
  process.channel?.unref();
}

/** Ends this process, which has failed, where it does not end by itself: it may wait for a store that never answers. */
export function endSoon(): void {
  setTimeout(() => process.exit(process.exitCode ?? 1), FAREWELL).unref();
}

/** Tells the launcher what this process fails of. */
export function tellLauncher(failure: Failure): Promise<void> {
  return new Promise((resolve) => process.send?.(failure, undefined, undefined, () => resolve()));
}

/** Whether `launch` started this process. */
export const isByLauncher = (): boolean => process.channel !== undefined;
