/** How far a count of images has come: a bar on a terminal, plain lines where the output is piped. */
import { SingleBar } from "cli-progress";

/** Time between two plain lines, in milliseconds. */
const QUIET = 10_000;

export interface Counter {
  update(done: number): void;
  /** Leaves the terminal as other output wants it. */
  stop(): void;
}

export function createCounter(total: number, stream = process.stderr): Counter {
  if (!stream.isTTY) {
    let spokenAt = performance.now();
    return {
      update(done) {
        if (done >= total || performance.now() - spokenAt < QUIET) return;
        stream.write(`${done} of ${total} images\n`);
        spokenAt = performance.now();
      },
      stop() {},
    };
  }
  const options = { format: "{bar} {value}/{total} images", stream, barsize: 20, clearOnComplete: true };
  const bar = new SingleBar({ ...options, hideCursor: true, gracefulExit: false });
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}
