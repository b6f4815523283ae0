/**
 * TensorBoard's event files, scalars only (spec recipes 6.6; TensorFlow's event.proto and summary.proto).
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import protobuf from "protobufjs";
import { encodeRecord } from "../common/tfrecord-framing.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    string file_version = 3;
    Summary summary = 5;
    SessionLog session_log = 7;
  }
  message Summary {
    message Value {
      string tag = 1;
      // As a choice, so that a 0 is written too.
      oneof value { float simple_value = 2; }
    }
    repeated Value value = 1;
  }
  message SessionLog {
    enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; }
    SessionStatus status = 1;
  }
`);
const eventType = root.lookupType("Event");

interface Event {
  step?: number;
  fileVersion?: string;
  summary?: { value: { tag: string; simpleValue: number }[] };
  sessionLog?: { status: number };
}

/** An open event file. */
export class EventWriter {
  readonly path: string;
  readonly #file: number;
  readonly #now: () => number;

  /**
   * Starts a new event file in `directory`, which TensorBoard reads together with those already there.
   *
   * @param options.resumedAt weight updates done when the run goes on from a checkpoint: TensorBoard forgets what the
   *   older files hold beyond it
   * @param options.now clock in milliseconds since 1970
   * @throws PeaError when the file cannot be made
   */
  constructor(
    directory: string,
    { resumedAt, now = Date.now }: { resumedAt?: number; now?: () => number } = {},
  ) {
    // TensorBoard reads the files in the order of their names, hence the time in front.
    const name = `events.out.tfevents.${Math.floor(now() / 1000)}.${hostname()}.${process.pid}`;
    this.path = join(directory, name);
    this.#now = now;
    try {
      this.#file = openSync(this.path, "a");
    } catch (error) {
      throw new PeaError(`cannot write ${this.path}: ${(error as Error).message}`);
    }
    this.#write({ fileVersion: "brain.Event:2" });
    if (resumedAt !== undefined) this.#write({ step: resumedAt + 1, sessionLog: { status: 1 } });
  }

  /**
   * Writes scalars as one event; TensorBoard stores them as float32.
   *
   * @param step weight updates done so far
   */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
    this.#write({ step, summary: { value } });
  }

  /** Brings all to the disk. */
  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(event: Event): void {
    try {
      const fields = { wallTime: this.#now() / 1000, ...event };
      writeFileSync(this.#file, encodeRecord(eventType.encode(fields).finish()));
    } catch (error) {
      throw new PeaError(`cannot write ${this.path}: ${(error as Error).message}`);
    }
  }
}
