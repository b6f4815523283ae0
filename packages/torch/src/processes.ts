/**
 * Processes of this machine and of others.
 *
 * @module
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

let here: string | undefined;

/** A name for this machine: the same for processes that see each other, another for those of other machines and containers. */
export function thisMachine(): string {
  here ??= [
    hostname(),
    textOr(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    textOr(() => readlinkSync("/proc/self/ns/pid")),
  ].join(" ");
  return here;
}

/** Whether a process of this machine has ended, be it that nobody has taken note of that yet. */
export function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Otherwise it is another user's.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
  }
  // The state stands behind the name, which may hold anything.
  return /^.*\) [ZX] /s.test(textOr(() => readFileSync(`/proc/${pid}/stat`, "latin1")));
}

/** Empty on systems that do not tell. */
function textOr(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
