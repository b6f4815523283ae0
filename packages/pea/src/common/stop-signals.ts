/**
 * What asks a process to stop: Ctrl-C, `kill`, and the terminal that is closed; so that a run stops between two steps.
 *
 * @module
 */
import { constants } from "node:os";
import { isatty } from "node:tty";

const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof names)[number];

export const isStopSignal = (name: string | null): name is StopSignal => names.some((one) => one === name);

/** Exit code of a process ended by a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
export const exitCodeOf = (name: StopSignal): number => 128 + constants.signals[name];

export interface StopSignalOptions {
  /** Whether SIGHUP asks a process without a terminal, too: one that others were started with, who may pass it on. */
  isLed?: boolean;
}

/** Whether one of the standard streams is a terminal. */
const hasTerminal = (): boolean => [0, 1, 2].some((stream) => isatty(stream));

/**
 * Tells of each SIGINT and SIGTERM, and of SIGHUP where it says that the terminal was closed. Without a terminal it says nothing, and
 * is passed over: so `nohup` leaves a process, whose signals Node sets back to what ends it.
 *
 * @returns gives the signals back to Node's own handling
 */
export function onStopSignals(
  tell: (name: StopSignal) => void,
  { isLed = false }: StopSignalOptions = {},
): () => void {
  const isOnTerminal = hasTerminal();
  const handle = (name: StopSignal) => {
    if (name === "SIGHUP" && !isOnTerminal && !isLed) return;
    if (name === "SIGHUP" && isOnTerminal) process.once("exit", endByHangup);
    tell(name);
  };
  for (const name of names) process.on(name, handle);
  return () => {
    for (const name of names) process.off(name, handle);
  };
}

/** Node's own end sets the terminal back, and aborts where that is gone. */
function endByHangup(code: number): void {
  process.removeAllListeners("SIGHUP");
  if (code === exitCodeOf("SIGHUP")) process.kill(process.pid, "SIGHUP");
}

/**
 * Aborts at the first signal, with its name as the reason; a second SIGINT or SIGTERM ends the process at once. SIGHUP does not: of a
 * session that ends it comes along with others. `dispose` gives the signals back to Node's own handling.
 */
export function stopSignals(
  onFirst: (name: StopSignal) => void,
  options: StopSignalOptions = {},
): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  let isAsked = false;
  const dispose = onStopSignals((name) => {
    if (name !== "SIGHUP") {
      if (isAsked) process.exit(exitCodeOf(name));
      isAsked = true;
    }
    if (controller.signal.aborted) return;
    onFirst(name);
    controller.abort(name);
  }, options);
  return { signal: controller.signal, dispose };
}
