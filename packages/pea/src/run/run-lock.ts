/**
 * Keeps two processes from training in one directory, on one machine or on several that share it.
 *
 * A lock names its owner. On the owner's own machine the process is looked for; elsewhere its heartbeat counts: while it
 * holds the lock it writes it anew again and again, and the file system tells when it last did. No other clock is asked, so
 * that those of the machines need not agree.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { hasEnded, thisMachine } from "@pea/torch";

/** Name of the lock in a directory. */
export const lockName = "lock";

/** Whether a name in a run directory is the lock's, or that of a step on the way to it. */
export const isLockName = (name: string): boolean => /^lock(\.\w+(\.stale)?)?$/.test(name);

/** Seconds between two heartbeats, and without one until an owner on another machine counts as gone. */
export const heartbeat = { every: 15, limit: 180 };

/** Who has a lock. */
export interface LockOwner {
  process: number;
  host: string;
  /** Tells machines apart, and containers, whose processes do not see each other. */
  machine: string;
  /** Of this taking alone. */
  key: string;
}

/** A lock that this process has taken. */
export interface RunLock {
  /** Gives it back; the end of the process does so too. */
  release(): void;
  /** @throws PeaError where another process has taken it over, since this one gave no sign of life for too long */
  requireHeld(): void;
}

/** Another process, or another run in this one, trains in the directory. */
export class RunInUse extends PeaError {
  override name = "RunInUse";
  constructor(
    readonly directory: string,
    readonly owner: LockOwner,
    advice: string,
  ) {
    super(`${directory} is in use by ${describeOwner(owner)}: ${advice}`, { kind: "usage" });
  }
}

/** Keys of the locks of this process, by their paths. */
const held = new Map<string, string>();

/**
 * Takes the lock of a directory. A lock that a killed process left is taken over.
 *
 * @param directory is there
 * @throws RunInUse when another process, or another run in this one, has the lock
 */
export function lockRun(directory: string): RunLock {
  const lock = join(realpathSync(directory), lockName);
  const owner = { process: process.pid, host: hostname(), machine: thisMachine(), key: newKey() };
  const text = JSON.stringify(owner);
  const own = `${lock}.${owner.key}`;
  let file: number;
  try {
    // A link comes into being whole: no process can read a lock without its owner.
    writeFileSync(own, text, { flush: true });
    while (!link(own, lock)) removeStale(lock, own, directory);
    // The file and not its name: whoever takes the lock over has a file of its own.
    file = openSync(own, "r+");
  } catch (error) {
    if (error instanceof PeaError) throw error;
    throw new PeaError(`cannot lock the run directory ${directory}: ${(error as Error).message}`);
  } finally {
    rmSync(own, { force: true });
  }
  held.set(lock, owner.key);
  const timer = setInterval(() => beat(file, text), heartbeat.every * 1000).unref();
  const isHeld = () => readIfThere(lock)?.owner.key === owner.key;
  const release = () => {
    process.off("exit", release);
    if (held.get(lock) !== owner.key) return;
    held.delete(lock);
    clearInterval(timer);
    closeSync(file);
    if (isHeld()) rmSync(lock, { force: true });
  };
  process.on("exit", release);
  return {
    release,
    requireHeld() {
      if (isHeld()) return;
      throw new PeaError(
        `another process has taken over ${directory}, since this one gave no sign of life for ${heartbeat.limit} s; it goes on there`,
      );
    },
  };
}

/** @throws RunInUse when another process, or another run in this one, has the lock of a directory; writes nothing that stays */
export function requireUnlocked(directory: string): void {
  const held = heldLock(directory);
  if (held !== null)
    throw new RunInUse(directory, held.found.owner, adviceFor(held.lock, held.found, held.now));
}

/** Who has the lock of a directory and lives, null where it is free. */
export function lockOwner(directory: string): LockOwner | null {
  return heldLock(directory)?.found.owner ?? null;
}

/** The lock of a directory whose owner lives, and the time by which it does; null where it is free. */
function heldLock(directory: string): { lock: string; found: FoundLock; now: number } | null {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return null;
  const lock = join(realpathSync(directory), lockName);
  const found = readIfThere(lock);
  if (found === null) return null;
  if (found.owner.machine === thisMachine()) return isAlive(lock, found, 0) ? { lock, found, now: 0 } : null;
  const probe = `${lock}.${newKey()}`;
  try {
    writeFileSync(probe, "");
    const now = statSync(probe).mtimeMs;
    return isAlive(lock, found, now) ? { lock, found, now } : null;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** `process 12 on host-a`. */
export function describeOwner({ process: number, host }: LockOwner): string {
  return host === "" || host === hostname() ? `process ${number}` : `process ${number} on ${host}`;
}

/** Removes a lock whose owner is gone. */
function removeStale(lock: string, own: string, directory: string): void {
  const aside = `${own}.stale`;
  const now = statSync(own).mtimeMs;
  const found = readIfThere(lock);
  // Given back just now.
  if (found === null) return;
  if (isAlive(lock, found, now)) throw new RunInUse(directory, found.owner, adviceFor(lock, found, now));
  try {
    renameSync(lock, aside);
  } catch (error) {
    // Taken over by another process just now.
    if (isCode(error, "ENOENT")) return;
    throw error;
  }
  // Taken over between look and rename: then it is that process's, and goes back.
  const taken = readIfThere(aside);
  if (taken !== null && isAlive(lock, taken, now)) link(aside, lock);
  rmSync(aside);
}

function adviceFor(lock: string, { owner, beatAt }: FoundLock, now: number): string {
  if (owner.machine === thisMachine())
    return `wait for its end or stop it; if that process is no training run, delete ${lock}`;
  const silent = Math.max(0, Math.round((now - beatAt) / 1000));
  return `wait for its end or stop it there; it is taken over ${heartbeat.limit} s after its last sign of life, which was ${silent} s ago`;
}

/** A lock as it lies there, and when its file was last written, in milliseconds by the file system's clock. */
interface FoundLock {
  owner: LockOwner;
  beatAt: number;
}

function readIfThere(lock: string): FoundLock | null {
  let file: number;
  try {
    // Opening a file makes a network's file system ask its server; a look at its name alone may tell of a minute ago.
    file = openSync(lock, "r");
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
  try {
    return { owner: ownerIn(readFileSync(file, "utf8"), lock), beatAt: fstatSync(file).mtimeMs };
  } finally {
    closeSync(file);
  }
}

function ownerIn(text: string, lock: string): LockOwner {
  // Earlier versions wrote the process alone: of this machine.
  if (/^\d+$/.test(text)) return { process: Number(text), host: "", machine: thisMachine(), key: "" };
  try {
    const owner = JSON.parse(text) as LockOwner;
    if (Number.isInteger(owner.process) && owner.machine && owner.key) return owner;
  } catch {
    // Said below.
  }
  throw new PeaError(`${lock} holds no process id, so it is no lock of a run; move it or delete it`, {
    kind: "usage",
  });
}

/** @param now milliseconds, by the clock of the file system */
function isAlive(lock: string, { owner, beatAt }: FoundLock, now: number): boolean {
  if (owner.machine !== thisMachine()) return now - beatAt < heartbeat.limit * 1000;
  // After a restart this process may have the number of the one that was killed.
  if (owner.process === process.pid) return held.has(lock);
  return !hasEnded(owner.process);
}

/** Writes the same once more, for the time that the file system notes. */
function beat(file: number, text: string): void {
  try {
    writeSync(file, text, 0);
  } catch {
    // A file system that does not answer: whether the lock is still held is asked before anything is written.
  }
}

const newKey = (): string => randomBytes(8).toString("hex");

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
