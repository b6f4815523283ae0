import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { encodeRecord } from "../../src/common/tfrecord-framing.ts";
import { EventWriter } from "../../src/run/events.ts";

const root = mkdtempSync(join(tmpdir(), "events-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;
function newDirectory(): string {
  const directory = join(root, `${count++}`);
  mkdirSync(directory);
  return directory;
}

const versionPayload = "09000000000000f03f1a0d627261696e2e4576656e743a32";
const hex = (path: string) => readFileSync(path).toString("hex");
const framed = (payload: string) => Buffer.from(encodeRecord(Buffer.from(payload, "hex"))).toString("hex");

describe("an event file (oracles of spec recipes 6.6)", () => {
  it("starts with its version", () => {
    const writer = new EventWriter(newDirectory(), { now: () => 1000 });
    writer.close();
    assert.equal(hex(writer.path), `1800000000000000a37f4b22${versionPayload}86bf577a`);
  });

  it("holds scalars", () => {
    let now = 1000;
    const writer = new EventWriter(newDirectory(), { now: () => now });
    now = 2000;
    writer.scalars(7, { loss: 0.5 });
    writer.flush();
    writer.close();
    assert.equal(
      hex(writer.path).slice(2 * (24 + 16)),
      "1a00000000000000129bd82d09000000000000004010072a0d0a0b0a046c6f7373150000003fc33fc24a",
    );
  });

  it("holds several scalars in one event, 0 as a value but not as a step", () => {
    const writer = new EventWriter(newDirectory(), { now: () => 1000 });
    writer.scalars(0, { "pea/alpha": 0, lr: 1 });
    writer.close();
    // Each value: its length, tag and simple_value.
    const alpha = `0a100a09${Buffer.from("pea/alpha").toString("hex")}1500000000`;
    const lr = `0a090a02${Buffer.from("lr").toString("hex")}150000803f`;
    const event = `09000000000000f03f2a1d${alpha}${lr}`;
    assert.equal(hex(writer.path), framed(versionPayload) + framed(event));
  });

  it("of a run that goes on makes TensorBoard forget what lies beyond the checkpoint", () => {
    const writer = new EventWriter(newDirectory(), { resumedAt: 299, now: () => 1000 });
    writer.close();
    // step = 300, session_log { status: START }
    assert.equal(hex(writer.path), framed(versionPayload) + framed("09000000000000f03f10ac023a020801"));
  });

  it("is named as TensorBoard finds it, in the order of time", () => {
    const directory = newDirectory();
    const writer = new EventWriter(directory, { now: () => 1_700_000_000_999 });
    writer.close();
    assert.match(basename(writer.path), /^events\.out\.tfevents\.1700000000\./);
    assert.deepEqual(readdirSync(directory), [basename(writer.path)]);
  });

  it("in a folder that is missing is an error", () => {
    assert.throws(() => new EventWriter(join(root, "none")), {
      name: "PeaError",
      message: /cannot write .*ENOENT/,
    });
  });

  it("on a full disk is an error", () => {
    const writer = new EventWriter(newDirectory(), { now: () => 1000 });
    writer.close();
    rmSync(writer.path);
    symlinkSync("/dev/full", writer.path);
    assert.throws(() => new EventWriter(join(writer.path, ".."), { now: () => 1000 }), {
      name: "PeaError",
      message: /cannot write .*ENOSPC/,
    });
  });
});
