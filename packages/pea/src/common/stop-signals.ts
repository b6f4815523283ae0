/** Ctrl-C and `kill` as an AbortSignal, so that a run stops between two steps. */
import { constants } from "node:os";

const names = ["SIGINT", "SIGTERM"] as const;
type StopSignal = (typeof names)[number];

/** Exit code of a process ended by a signal: 130 for SIGINT, 143 for SIGTERM. */
export const exitCodeOf = (name: StopSignal): number => 128 + constants.signals[name];

/**
 * Aborts at the first SIGINT or SIGTERM, with the signal's name as the reason; the second ends the process at once.
 * `dispose` gives the signals back to Node's own handling.
 */
export function stopSignals(onFirst: (name: StopSignal) => void): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const handle = (name: StopSignal) => {
    if (controller.signal.aborted) process.exit(exitCodeOf(name));
    onFirst(name);
    controller.abort(name);
  };
  for (const name of names) process.on(name, handle);
  return {
    signal: controller.signal,
    dispose() {
      for (const name of names) process.off(name, handle);
    },
  };
}
