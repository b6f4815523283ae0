/** Keeps two processes of one machine from training in one directory. */
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";

/** Name of the lock in a run directory; it holds the process id of its owner. */
export const lockName = "lock";

/** Whether a name in a run directory is the lock's, or that of a step on the way to it. */
export const isLockName = (name: string): boolean => /^lock(\.\d+(\.stale)?)?$/.test(name);

/** Locks of this process. */
const held = new Set<string>();

/**
 * Takes the lock of a directory. A lock that a killed process left is taken over.
 *
 * @param directory is there
 * @returns gives the lock back; the end of the process does so too
 * @throws PeaError of kind usage when another process, or another run in this one, has the lock
 */
export function lockRun(directory: string): () => void {
  const lock = join(realpathSync(directory), lockName);
  const own = `${lock}.${process.pid}`;
  try {
    // A link comes into being whole: no process can read a lock without its owner.
    writeFileSync(own, String(process.pid), { flush: true });
    while (!link(own, lock)) removeStale(lock, directory);
  } catch (error) {
    if (error instanceof PeaError) throw error;
    throw new PeaError(`cannot lock the run directory ${directory}: ${(error as Error).message}`);
  } finally {
    rmSync(own, { force: true });
  }
  held.add(lock);
  const release = () => {
    process.off("exit", release);
    if (held.delete(lock)) rmSync(lock, { force: true });
  };
  process.on("exit", release);
  return release;
}

/** Process id of the living owner of a directory's lock, null where it is free. */
export function lockOwner(directory: string): number | null {
  try {
    const lock = join(realpathSync(directory), lockName);
    const owner = readOwner(lock);
    return isAlive(owner, lock) ? owner : null;
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
}

/** Removes a lock whose owner is gone. */
function removeStale(lock: string, directory: string): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    const owner = readOwner(lock);
    if (isAlive(owner, lock))
      throw new PeaError(
        `${directory} is in use by process ${owner}: wait for its end or stop it; ` +
          `if that process is no training run, delete ${lock}`,
        { kind: "usage" },
      );
    renameSync(lock, aside);
  } catch (error) {
    // Given back, or taken over by another process, just now.
    if (isCode(error, "ENOENT")) return;
    throw error;
  }
  // Taken over between look and rename: then it is that process's, and goes back.
  if (isAlive(readOwner(aside), aside)) link(aside, lock);
  rmSync(aside);
}

function readOwner(lock: string): number {
  const text = readFileSync(lock, "utf8");
  if (/^\d+$/.test(text)) return Number(text);
  throw new PeaError(`${lock} holds no process id, so it is no lock of a run; move it or delete it`, {
    kind: "usage",
  });
}

function isAlive(owner: number, lock: string): boolean {
  // After a restart this process may have the number of the one that was killed.
  if (owner === process.pid) return held.has(lock);
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;
