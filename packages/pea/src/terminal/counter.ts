/** How far a count of images has come, and how long the rest takes: a bar on a terminal, plain lines where the output is piped. */
import { SingleBar } from "cli-progress";
import { formatSeconds, secondsLeft } from "./time-left.ts";

/** Time between two plain lines, in milliseconds. */
const QUIET = 10_000;

export interface Counter {
  update(done: number): void;
  /** Leaves the terminal as other output wants it. */
  stop(): void;
}

/** @param done what is done already: the speed is that of the rest */
export function createCounter(total: number, done = 0, stream = process.stderr): Counter {
  const left = secondsLeft(total, done);
  const leftIn = (done: number) => `${formatSeconds(left(done))} left`;
  if (!stream.isTTY) {
    let spokenAt = performance.now();
    return {
      update(done) {
        if (done >= total || performance.now() - spokenAt < QUIET) return;
        stream.write(`${done} of ${total} images, ${leftIn(done)}\n`);
        spokenAt = performance.now();
      },
      stop() {},
    };
  }
  const options = {
    format: "{bar} {value}/{total} images, {left}",
    stream,
    barsize: 20,
    clearOnComplete: true,
  };
  const bar = new SingleBar({ ...options, hideCursor: true, gracefulExit: false });
  bar.start(total, done, { left: "" });
  return { update: (done) => bar.update(done, { left: leftIn(done) }), stop: () => bar.stop() };
}
